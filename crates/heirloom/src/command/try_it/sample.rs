//! A few files to play with, for those who bring none.

use std::fs;
use std::io;
use std::path::Path;

const FILES: [(&str, &[u8]); 5] = [
    ("README.md", include_bytes!("../../../sample/README.md")),
    ("letters/To Anna.txt", include_bytes!("../../../sample/letters/To Anna.txt")),
    ("letters/Grüße aus Köln.txt", include_bytes!("../../../sample/letters/Grüße aus Köln.txt")),
    ("recipes/apple-cake.md", include_bytes!("../../../sample/recipes/apple-cake.md")),
    ("photos/the lake.png", include_bytes!("../../../sample/photos/the lake.png")),
];

/// Makes the sample, if `folder` is not there: what a person did to it since is theirs.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        return Ok(());
    }
    for (name, content) in FILES {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, content)?;
    }
    Ok(())
}
