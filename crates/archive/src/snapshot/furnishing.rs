//! What Heirloom itself puts at the root of every snapshot.

/// Makes every checkout byte-identical, whatever attributes and line endings a user or a machine is set to:
/// attributes of the tree win over those of the user, and a bucket's own `.gitattributes` are escaped.
pub(super) const ATTRIBUTES: &str = "\
# Written by Heirloom: every file is checked out exactly as it was.
* -text -crlf -ident -filter -working-tree-encoding -export-subst -export-ignore
";
pub(crate) const ATTRIBUTES_NAME: &[u8] = b".gitattributes";

/// For a person who has nothing but this repository.
pub(super) const README: &str = include_str!("stranger.md");
pub(super) const README_NAME: &[u8] = b"README.md";

/// The directory of both, and of the metadata.
pub(crate) const HEIRLOOM_NAME: &[u8] = crate::live::RESERVED_AT_ROOT;
pub(crate) const METADATA_NAME: &[u8] = b"metadata";
