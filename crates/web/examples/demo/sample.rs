//! A family's files over some weeks, one snapshot a night.

use crate::picture::landscape;
use archive::{Archive, SnapshotContext};
use model::{MachineName, UnixNanos, UserName};
use std::error::Error;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

type Outcome = Result<(), Box<dyn Error>>;

const DAY: i64 = 86_400 * 1_000_000_000;
const HOUR: i64 = 3_600 * 1_000_000_000;

/// The live files of one user, and the archive they go to.
struct Family<'a> {
    live: tempfile::TempDir,
    archive: Archive,
    user: &'a UserName,
    time: UnixNanos,
}

impl Family<'_> {
    fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Outcome {
        let file = self.live.path().join(path);
        fs::create_dir_all(file.parent().expect("because every path has a root"))?;
        fs::write(&file, content)?;
        let seconds = u64::try_from(self.time.0 - 5 * HOUR)? / 1_000_000_000;
        fs::File::options()
            .write(true)
            .open(&file)?
            .set_modified(UNIX_EPOCH + Duration::from_secs(seconds))?;
        Ok(())
    }

    fn snapshot(&mut self, incomplete: &[&str]) -> Outcome {
        let context = SnapshotContext {
            author: self.user.to_string(),
            author_email: format!("{}@example.org", self.user),
            machine: MachineName::new("cloud")?,
            time: self.time,
            utc_offset_seconds: 3600,
            incomplete: incomplete.iter().map(ToString::to_string).collect(),
        };
        self.archive.snapshot(self.live.path(), &context, &|_| {})?;
        self.time.0 += DAY;
        Ok(())
    }
}

fn family<'a>(
    archives: &Path,
    user: &'a UserName,
    now: UnixNanos,
    days: i64,
) -> Result<Family<'a>, Box<dyn Error>> {
    let archive = Archive::init(&archives.join(format!("{user}.git")))?;
    // At three in the morning in Berlin.
    let begin = now.0 - now.0.rem_euclid(DAY) + 2 * HOUR - days * DAY;
    Ok(Family { live: tempfile::tempdir()?, archive, user, time: UnixNanos(begin) })
}

/// One shared folder.
pub(crate) fn fill_small(archives: &Path, user: &UserName, now: UnixNanos) -> Outcome {
    let mut family = family(archives, user, now, 1)?;
    family.write("recipes/bread.md", "# Bread\n\nFlour, water, salt, time.\n")?;
    family.snapshot(&[])
}

/// The large sample.
pub(crate) fn fill(archives: &Path, user: &UserName, now: UnixNanos, days: u32) -> Outcome {
    let mut family = family(archives, user, now, i64::from(days))?;
    first_day(&family)?;
    family.snapshot(&[])?;
    for day in 1..=days {
        some_day(&family, day)?;
        let reasons: &[&str] =
            if day == 9 { &["photos/2026/raw.nef could not be read: input/output error"] } else { &[] };
        family.snapshot(reasons)?;
    }
    Ok(())
}

fn first_day(family: &Family<'_>) -> Outcome {
    family.write("documents/README.md", README)?;
    family.write("documents/letters/2019-07-grandmother.md", LETTER)?;
    family.write("documents/letters/2021-12-to-zoë.md", "# Dear Zoë\n\nThe snow came early this year.\n")?;
    family.write(
        "documents/letters/old letter.txt",
        b"Liebe Gro\xdfmutter,\n\nviele Gr\xfc\xdfe aus M\xfcnchen!\n",
    )?;
    family.write("documents/contract.pdf", PDF)?;
    family.write("documents/empty note.txt", "")?;
    family.write("documents/recipes/plum cake.md", recipe(0))?;
    family.write("documents/50% off & <b>more.txt", "A name with everything in it.\n")?;
    family.write("documents/diary.txt", "Day 0. Moved in.\n")?;
    family.write("documents/taxes/2025.csv", csv(12))?;
    family.write("projects/weather/src/main.rs", RUST)?;
    family.write("projects/weather/Cargo.toml", "[package]\nname = \"weather\"\nversion = \"0.1.0\"\n")?;
    family.write("projects/garden.py", PYTHON)?;
    family.write(
        "projects/page/index.html",
        "<!doctype html><h1>Hi</h1><script>alert(document.cookie)</script>",
    )?;
    family.write("projects/page/drawing.svg", SVG)?;
    for number in 1..=9 {
        family.write(&format!("photos/2026/summer/lake {number:02}.png"), landscape(480, 320, number))?;
    }
    family.write("photos/2026/film of the lake.mp4", noise(3_000_000))?;
    family.write("music/first song.wav", tone())?;
    let live = family.live.path();
    fs::create_dir_all(live.join("photos/2027"))?;
    symlink("../photos/2026/summer/lake 01.png", live.join("documents/desktop picture"))?;
    fs::write(live.join("documents").join(std::ffi::OsStr::from_bytes(b"na\xefve.txt")), "Latin-1 name\n")?;
    Ok(())
}

fn some_day(family: &Family<'_>, day: u32) -> Outcome {
    let diary = lines(0..=day, |day| format!("Day {day}. {}\n", DIARY[day as usize % DIARY.len()]));
    family.write("documents/diary.txt", diary)?;
    if day.is_multiple_of(3) {
        family.write("documents/recipes/plum cake.md", recipe(day / 3))?;
        family.write("documents/taxes/2025.csv", csv(12 + day))?;
    }
    match day {
        5 => family.write("photos/2026/summer/lake 04.png", landscape(640, 400, 44)),
        7 => family
            .write("projects/weather/src/main.rs", RUST.replace("21.0", "19.5").replace("mild", "pleasant")),
        10 => Ok(fs::remove_file(family.live.path().join("documents/letters/old letter.txt"))?),
        12 => family
            .write("projects/weather/src/main.rs", RUST.replace("println!", "print!") + "\n// The end.\n"),
        14 => (10..=40).try_for_each(|number| {
            family.write(&format!("photos/2026/autumn/woods {number}.png"), landscape(320, 213, number * 7))
        }),
        _ => Ok(()),
    }
}

fn recipe(turn: u32) -> String {
    let sugar = 120 + turn * 10;
    let turns = lines(0..turn, |turn| format!("- attempt {turn}: {sugar} g was too little\n"));
    format!(
        "# Plum cake\n\n| what | how much |\n|---|---|\n| flour | 300 g |\n| sugar | {sugar} g |\n| plums | 1.5 kg |\n\n1. Knead.\n2. Wait.\n3. Bake at 180 °C.\n\n{turns}"
    )
}

fn csv(rows: u32) -> String {
    let rows = lines(1..=rows, |row| format!("2025-{:02}-01,rent,{}.00\n", row % 12 + 1, 800 + row));
    format!("date,what,amount\n{rows}")
}

fn lines(numbers: impl Iterator<Item = u32>, line: impl Fn(u32) -> String) -> String {
    numbers.map(line).collect::<Vec<_>>().concat()
}

fn noise(size: usize) -> Vec<u8> {
    let mut state = 7_u32;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(size)
    .collect()
}

/// Two seconds of A.
fn tone() -> Vec<u8> {
    let samples: Vec<u8> = (0..16_000_u32)
        .map(|sample| if (sample * 440 / 4_000).is_multiple_of(2) { 140 } else { 116 })
        .collect();
    let mut wav =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data".to_vec();
    wav.extend(16_000_u32.to_le_bytes());
    wav.extend(samples);
    wav[4..8].copy_from_slice(&(16_000_u32 + 36).to_le_bytes());
    wav
}

const DIARY: [&str; 6] = [
    "Rain, and a long walk anyway.",
    "Called mother; she told the story of the boat again.",
    "Bread turned out well at last.",
    "The children built a harbour in the bathtub.",
    "Found the old camera in the attic.",
    "Nothing happened, and it was good.",
];

const README: &str = "# Where things are\n\nThe **letters** are grandmother's, scanned and typed by hand; please keep them together.\n\n- [The one about the boat](letters/2019-07-grandmother.md)\n- Photographs: [the lake](/photos/2026/summer)\n- [x] taxes up to 2025\n- [ ] label the attic boxes\n\n> Keep what matters, and let it be found.\n\n```rust\nfn main() {\n    println!(\"keep\");\n}\n```\n";

const LETTER: &str = "# July 2019\n\nMy dear ones,\n\nyou asked about the boat. We built it in the winter of 1961, in the kitchen, and nobody had measured the door. <script>alert('no')</script>\n\nIn spring your grandfather took the window out, frame and all, and eight neighbours carried it down to the lake.\n\n![The lake](../../photos/2026/summer/lake%2003.png)\n\nIt leaked, of course. It leaked for thirty years, and we never missed a summer.\n\nWith love,\n*Grandmother*\n";

const RUST: &str = "//! How warm is it?\n\nuse std::collections::BTreeMap;\n\n/// A reading, in degrees.\n#[derive(Debug, Clone, Copy, PartialEq)]\nstruct Reading(f64);\n\nimpl Reading {\n    fn word(self) -> &'static str {\n        match self.0 {\n            t if t < 0.0 => \"freezing\",\n            t if t < 15.0 => \"cool\",\n            t if t < 25.0 => \"mild\",\n            _ => \"hot\", // stay inside\n        }\n    }\n}\n\nfn main() {\n    let readings: BTreeMap<&str, Reading> =\n        [(\"kitchen\", Reading(21.0)), (\"attic\", Reading(31.5))].into_iter().collect();\n    for (room, reading) in &readings {\n        println!(\"{room:>10}: {:.1} °C, {}, and this line is long enough that it has to scroll inside of its own box on every phone\", reading.0, reading.word());\n    }\n}\n";

const PYTHON: &str = "\"\"\"What to plant when.\"\"\"\nfrom dataclasses import dataclass\n\n@dataclass\nclass Bed:\n    name: str\n    length_m: float = 2.5\n\n    def plants(self, distance_cm: int) -> int:\n        return int(self.length_m * 100 // distance_cm)\n\nfor bed in (Bed('beans'), Bed('kale', 4)):\n    print(f'{bed.name}: {bed.plants(30)}')\n";

const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 200 120\"><rect width=\"200\" height=\"120\" fill=\"#f5e8da\"/><circle cx=\"100\" cy=\"60\" r=\"40\" fill=\"#8d4317\"/><script>alert(document.cookie)</script></svg>";

const PDF: &str = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj\n4 0 obj<</Length 44>>stream\nBT /F 18 Tf 40 120 Td (A contract.) Tj ET    \nendstream endobj\n5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n";
