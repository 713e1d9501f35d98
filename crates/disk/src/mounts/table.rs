//! `/proc/self/mountinfo`, whose lines `proc_pid_mountinfo(5)` describes.

use model::RelPath;
use std::collections::BTreeMap;

/// Stands where something is mounted as soon as anyone looks: what counts is what is mounted on it.
const ON_DEMAND: &[u8] = b"autofs";

/// Something that is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Its number, given to another one once it is unmounted.
    pub(super) id: u64,
    /// Major and minor number of the device.
    pub(super) device: (u32, u32),
    /// The directory of its file system that is mounted; as a rule, `/`.
    pub(super) root: Vec<u8>,
}

/// What is mounted below `top`, either at once or on demand. Of several at one place the last one hides the others.
pub(super) fn below(lines: &[u8], top: &[u8], on_demand: bool) -> BTreeMap<RelPath, Mount> {
    lines.split(|byte| *byte == b'\n').filter_map(|line| mount(line, top, on_demand)).collect()
}

/// What a line says, if it is of something below `top`.
fn mount(line: &[u8], top: &[u8], on_demand: bool) -> Option<(RelPath, Mount)> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = number(fields.next()?)?;
    let device = fields.nth(1)?;
    let colon = device.iter().position(|byte| *byte == b':')?;
    let device = (number(device.get(..colon)?)?, number(device.get(colon + 1..)?)?);
    let (root, point) = (unescaped(fields.next()?), unescaped(fields.next()?));
    // Behind a lone dash, after fields of which there may be any number.
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    let rest = point.strip_prefix(top.strip_suffix(b"/").unwrap_or(top))?.strip_prefix(b"/")?;
    let path = RelPath::from_os_bytes(rest).ok()?;
    ((kind == ON_DEMAND) == on_demand).then_some((path, Mount { id, device, root }))
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Blanks, newlines and backslashes stand as three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        match after.split_first_chunk::<3>() {
            Some((digits, behind))
                if *first == b'\\' && digits.iter().all(|digit| (b'0'..b'8').contains(digit)) =>
            {
                let value = digits.iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                plain.push(u8::try_from(value).unwrap_or(b'?'));
                rest = behind;
            }
            _ => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:27 / /home/mia rw - tmpfs tmpfs rw
31 30 8:17 / /home/mia/docs/usb\\040stick rw,nosuid master:3 shared:9 - vfat /dev/sdb1 rw
32 30 0:29 / /home/mia/docs/photos rw - autofs systemd-1 rw
33 32 0:30 / /home/mia/docs/photos rw - nfs attic:/photos rw
34 30 0:31 / /home/mia/docs/film rw - autofs systemd-1 rw
35 30 0:32 / /home/mia/docs2 rw - tmpfs tmpfs rw
36 33 254:0 /srv/my\\040photos /home/mia/docs/photos rw - ext4 /dev/vda rw
";

    fn points(top: &str) -> Vec<String> {
        below(TABLE, top.as_bytes(), false).keys().map(|path| path.as_str().to_owned()).collect()
    }

    #[test]
    fn what_is_mounted_below_is_told() {
        assert_eq!(points("/home/mia/docs"), ["photos", "usb stick"]);
        let on_demand = below(TABLE, b"/home/mia/docs", true);
        assert_eq!(on_demand.keys().map(RelPath::as_str).collect::<Vec<_>>(), ["film", "photos"]);
        assert_eq!(points("/home/mia/docs/photos"), [""; 0], "the root itself is not below it");
        assert_eq!(
            points("/"),
            ["home/mia", "home/mia/docs/photos", "home/mia/docs/usb stick", "home/mia/docs2"]
        );
    }

    #[test]
    fn what_is_mounted_last_hides_what_was_before() {
        let mounts = below(TABLE, b"/home/mia/docs", false);
        let photos = Mount { id: 36, device: (254, 0), root: b"/srv/my photos".to_vec() };
        let stick = Mount { id: 31, device: (8, 17), root: b"/".to_vec() };
        assert_eq!(mounts.into_values().collect::<Vec<_>>(), [photos, stick]);
    }
}
