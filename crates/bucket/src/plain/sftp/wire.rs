//! Version 3 of the SSH File Transfer Protocol (draft-ietf-secsh-filexfer-02) and some of OpenSSH's extensions, as bytes.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// The version that is spoken.
const VERSION: u32 = 3;

/// The longest packet that is taken from a server, bytes.
pub(super) const PACKET_MAX: u32 = 1 << 20;

/// For reading.
pub(super) const READ: u32 = 0x01;
/// For writing.
pub(super) const WRITE: u32 = 0x02;
/// A file that is not there is made.
pub(super) const CREATE: u32 = 0x08;
/// A file that is there is an error.
pub(super) const EXCLUSIVE: u32 = 0x20;

const ATTRIBUTE_SIZE: u32 = 0x01;
const ATTRIBUTE_OWNER: u32 = 0x02;
const ATTRIBUTE_PERMISSIONS: u32 = 0x04;
const ATTRIBUTE_TIMES: u32 = 0x08;
const ATTRIBUTE_EXTENDED: u32 = 0x8000_0000;

/// What is asked of a server.
#[derive(Clone, Copy)]
pub(super) enum Request<'a> {
    Open {
        path: &'a str,
        flags: u32,
    },
    Close {
        handle: &'a [u8],
    },
    Read {
        handle: &'a [u8],
        offset: u64,
        length: u32,
    },
    Write {
        handle: &'a [u8],
        offset: u64,
        data: &'a [u8],
    },
    Stat {
        path: &'a str,
    },
    LinkStat {
        path: &'a str,
    },
    HandleStat {
        handle: &'a [u8],
    },
    SetTime {
        path: &'a str,
        seconds: u32,
    },
    SetHandleTime {
        handle: &'a [u8],
        seconds: u32,
    },
    OpenDirectory {
        path: &'a str,
    },
    ReadDirectory {
        handle: &'a [u8],
    },
    Remove {
        path: &'a str,
    },
    MakeDirectory {
        path: &'a str,
    },
    RemoveDirectory {
        path: &'a str,
    },
    Rename {
        from: &'a str,
        to: &'a str,
    },
    PosixRename {
        from: &'a str,
        to: &'a str,
    },
    Sync {
        handle: &'a [u8],
    },
    /// All of one open file into another.
    CopyData {
        from: &'a [u8],
        to: &'a [u8],
    },
    Space {
        path: &'a str,
    },
}

/// What a server answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Status {
        code: Code,
        message: String,
    },
    Handle(Bytes),
    Data(Bytes),
    Names(Vec<(Vec<u8>, Attributes)>),
    Attributes(Attributes),
    /// Bytes that this user may still write.
    Space {
        free: u64,
    },
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Ok,
    Eof,
    NoSuchFile,
    PermissionDenied,
    /// Anything else: the protocol has no finer words.
    Failure,
    Unsupported,
}

/// What is known about a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) size: Option<u64>,
    /// As `st_mode`.
    pub(super) permissions: Option<u32>,
    /// Seconds since 1970.
    pub(super) modified: Option<u32>,
}

/// What a server can do beyond the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing of its own that a server can or cannot")]
pub(super) struct Extensions {
    pub(super) posix_rename: bool,
    pub(super) sync: bool,
    pub(super) copy: bool,
    pub(super) space: bool,
}

/// The first packet.
pub(super) fn hello() -> Bytes {
    let mut packet = BytesMut::new();
    packet.put_u32(5);
    packet.put_u8(1);
    packet.put_u32(VERSION);
    packet.freeze()
}

/// Reads the server's answer to the first packet, without its length.
pub(super) fn greeting(mut packet: Bytes) -> Option<Extensions> {
    if packet.try_get_u8().ok()? != 2 || packet.try_get_u32().ok()? < VERSION {
        return None;
    }
    let mut extensions = Extensions::default();
    while !packet.is_empty() {
        let (name, version) = (string(&mut packet)?, string(&mut packet)?);
        match (&*name, &*version) {
            (b"posix-rename@openssh.com", b"1") => extensions.posix_rename = true,
            (b"fsync@openssh.com", b"1") => extensions.sync = true,
            (b"copy-data", b"1") => extensions.copy = true,
            (b"statvfs@openssh.com", b"2") => extensions.space = true,
            _ => {}
        }
    }
    Some(extensions)
}

impl Request<'_> {
    /// The packet, with its length.
    pub(super) fn encode(&self, id: u32) -> Bytes {
        let mut packet = BytesMut::with_capacity(self.size_hint());
        packet.put_u32(0);
        packet.put_u8(self.kind());
        packet.put_u32(id);
        match *self {
            Self::Open { path, flags } => {
                put(&mut packet, path.as_bytes());
                packet.put_u32(flags);
                packet.put_u32(0);
            }
            Self::Read { handle, offset, length } => {
                put(&mut packet, handle);
                packet.put_u64(offset);
                packet.put_u32(length);
            }
            Self::Write { handle, offset, data } => {
                put(&mut packet, handle);
                packet.put_u64(offset);
                put(&mut packet, data);
            }
            Self::Close { handle } | Self::HandleStat { handle } | Self::ReadDirectory { handle } => {
                put(&mut packet, handle);
            }
            Self::Stat { path }
            | Self::LinkStat { path }
            | Self::OpenDirectory { path }
            | Self::Remove { path }
            | Self::RemoveDirectory { path } => put(&mut packet, path.as_bytes()),
            Self::MakeDirectory { path } => {
                put(&mut packet, path.as_bytes());
                packet.put_u32(0);
            }
            Self::SetTime { path, seconds } => put_time(&mut packet, path.as_bytes(), seconds),
            Self::SetHandleTime { handle, seconds } => put_time(&mut packet, handle, seconds),
            Self::Rename { from, to } => {
                put(&mut packet, from.as_bytes());
                put(&mut packet, to.as_bytes());
            }
            Self::PosixRename { from, to } => {
                put(&mut packet, b"posix-rename@openssh.com");
                put(&mut packet, from.as_bytes());
                put(&mut packet, to.as_bytes());
            }
            Self::Sync { handle } => {
                put(&mut packet, b"fsync@openssh.com");
                put(&mut packet, handle);
            }
            Self::CopyData { from, to } => {
                put(&mut packet, b"copy-data");
                put(&mut packet, from);
                // From the start, and to the end, to the start.
                packet.put_u64(0);
                packet.put_u64(0);
                put(&mut packet, to);
                packet.put_u64(0);
            }
            Self::Space { path } => {
                put(&mut packet, b"statvfs@openssh.com");
                put(&mut packet, path.as_bytes());
            }
        }
        let length = u32::try_from(packet.len() - 4).expect("because names and steps are short");
        packet[..4].copy_from_slice(&length.to_be_bytes());
        packet.freeze()
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Open { .. } => 3,
            Self::Close { .. } => 4,
            Self::Read { .. } => 5,
            Self::Write { .. } => 6,
            Self::LinkStat { .. } => 7,
            Self::HandleStat { .. } => 8,
            Self::SetTime { .. } => 9,
            Self::SetHandleTime { .. } => 10,
            Self::OpenDirectory { .. } => 11,
            Self::ReadDirectory { .. } => 12,
            Self::Remove { .. } => 13,
            Self::MakeDirectory { .. } => 14,
            Self::RemoveDirectory { .. } => 15,
            Self::Stat { .. } => 17,
            Self::Rename { .. } => 18,
            Self::PosixRename { .. } | Self::Sync { .. } | Self::CopyData { .. } | Self::Space { .. } => 200,
        }
    }

    fn size_hint(&self) -> usize {
        match self {
            Self::Write { data, .. } => data.len() + 300,
            _ => 300,
        }
    }
}

/// Reads an answer, without its length, and tells which request it belongs to.
pub(super) fn reply(mut packet: Bytes) -> Option<(u32, Reply)> {
    let kind = packet.try_get_u8().ok()?;
    let id = packet.try_get_u32().ok()?;
    let reply = match kind {
        101 => {
            let code = match packet.try_get_u32().ok()? {
                0 => Code::Ok,
                1 => Code::Eof,
                2 => Code::NoSuchFile,
                3 => Code::PermissionDenied,
                8 => Code::Unsupported,
                _ => Code::Failure,
            };
            // Very old servers leave the message out.
            let message = string(&mut packet).unwrap_or_default();
            Reply::Status { code, message: String::from_utf8_lossy(&message).into_owned() }
        }
        102 => Reply::Handle(string(&mut packet)?),
        103 => Reply::Data(string(&mut packet)?),
        104 => {
            let mut names = Vec::new();
            for _ in 0..packet.try_get_u32().ok()? {
                let name = string(&mut packet)?.to_vec();
                string(&mut packet)?;
                names.push((name, attributes(&mut packet)?));
            }
            Reply::Names(names)
        }
        105 => Reply::Attributes(attributes(&mut packet)?),
        // `statvfs` is the only extension that is asked for and answers so.
        201 => {
            let mut field = || packet.try_get_u64().ok();
            let (_block, fragment, _blocks, _free, available) =
                (field()?, field()?, field()?, field()?, field()?);
            Reply::Space { free: available.saturating_mul(fragment) }
        }
        _ => return None,
    };
    Some((id, reply))
}

fn attributes(packet: &mut Bytes) -> Option<Attributes> {
    let mut attributes = Attributes::default();
    let flags = packet.try_get_u32().ok()?;
    if flags & ATTRIBUTE_SIZE != 0 {
        attributes.size = Some(packet.try_get_u64().ok()?);
    }
    if flags & ATTRIBUTE_OWNER != 0 {
        packet.try_get_u64().ok()?;
    }
    if flags & ATTRIBUTE_PERMISSIONS != 0 {
        attributes.permissions = Some(packet.try_get_u32().ok()?);
    }
    if flags & ATTRIBUTE_TIMES != 0 {
        packet.try_get_u32().ok()?;
        attributes.modified = Some(packet.try_get_u32().ok()?);
    }
    if flags & ATTRIBUTE_EXTENDED != 0 {
        for _ in 0..packet.try_get_u32().ok()? {
            string(packet)?;
            string(packet)?;
        }
    }
    Some(attributes)
}

fn string(packet: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(packet.try_get_u32().ok()?).ok()?;
    (packet.len() >= length).then(|| packet.split_to(length))
}

fn put(packet: &mut BytesMut, bytes: &[u8]) {
    packet.put_u32(u32::try_from(bytes.len()).expect("because names and steps are short"));
    packet.put_slice(bytes);
}

fn put_time(packet: &mut BytesMut, of: &[u8], seconds: u32) {
    put(packet, of);
    packet.put_u32(ATTRIBUTE_TIMES);
    // Both, or none: the protocol cannot set one alone.
    packet.put_u32(seconds);
    packet.put_u32(seconds);
}

#[cfg(test)]
mod tests;
