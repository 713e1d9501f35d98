//! Who is asking, and whether they may.

use crate::failure::Failure;
use crate::site::Site;
use accounts::{Permission, SessionToken};
use axum::extract::{ConnectInfo, FromRequestParts};
use base64::Engine as _;
use http::{HeaderMap, header, request::Parts};
use model::{BucketName, UserName};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The session cookie's name.
pub(crate) const COOKIE: &str = "heirloom_session";

/// What a request says about its sender; nothing of it is checked yet.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub session: Option<String>,
    /// Access key id and secret.
    pub key: Option<(String, String)>,
    pub address: IpAddr,
    /// A browser, as opposed to a program.
    pub reads_html: bool,
    /// The request's path and query.
    pub here: String,
    /// The authority that the request was sent to.
    pub host: Option<String>,
}

/// By what a request may prove who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Pages: a session.
    Pages,
    /// Files and downloads: a session, or a key.
    Files,
    /// git: a key.
    Git,
    /// Programs of ours: a key.
    Api,
}

impl Door {
    /// Whether no session opens it.
    fn wants_key(self) -> bool {
        matches!(self, Self::Git | Self::Api)
    }
}

/// A user in a bucket that they may read.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub user: UserName,
    pub bucket: BucketName,
}

impl Site {
    /// Who the guest is.
    pub(crate) fn recognise(&self, guest: &Guest, door: Door) -> Result<UserName, Failure> {
        let asked = |error| Failure::broken("look up who is asking", error);
        if !door.wants_key()
            && let Some(session) = &guest.session
            && let Some(user) =
                self.options.accounts.session(&SessionToken::new(session), self.now()).map_err(asked)?
        {
            return Ok(user);
        }
        if door != Door::Pages
            && let Some((id, secret)) = &guest.key
        {
            return self.open_with_key(guest.address, id, secret)?.ok_or(Failure::KeyWrong);
        }
        if door.wants_key() || (door == Door::Files && !guest.reads_html) {
            return Err(Failure::KeyNeeded);
        }
        Err(Failure::SignIn { next: guest.here.clone() })
    }

    /// The user whose key this is; wrong keys are counted.
    pub(crate) fn open_with_key(
        &self,
        address: IpAddr,
        id: &str,
        secret: &str,
    ) -> Result<Option<UserName>, Failure> {
        if self.throttle.refuses(address, self.now()) {
            return Err(Failure::TooMany);
        }
        let user = self
            .options
            .accounts
            .authenticate(id, secret)
            .map_err(|error| Failure::broken("look up a key", error))?;
        if user.is_none() {
            self.throttle.failed(address, self.now());
        }
        Ok(user)
    }

    /// Lets the guest into a bucket. A bucket that is not theirs to read does not exist.
    pub(crate) fn admit(&self, guest: &Guest, door: Door, bucket: &str) -> Result<Visit, Failure> {
        let user = self.recognise(guest, door)?;
        let bucket = BucketName::new(bucket).map_err(|_| Failure::not_found())?;
        let permission = self
            .options
            .accounts
            .permission(&user, &bucket)
            .map_err(|error| Failure::broken("look up who may read this", error))?;
        match permission {
            Permission::Read | Permission::Write => Ok(Visit { user, bucket }),
            Permission::None => Err(Failure::not_found()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Guest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let headers = &parts.headers;
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        Ok(Self {
            session: cookie(headers),
            key: basic(headers),
            address: client_address(peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), headers),
            reads_html: reads_html(headers),
            here: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            host: text(headers, header::HOST)
                .or(parts.uri.authority().map(http::uri::Authority::as_str))
                .map(str::to_owned),
        })
    }
}

/// Whether an answer should be a page.
pub(crate) fn reads_html(headers: &HeaderMap) -> bool {
    text(headers, header::ACCEPT).is_some_and(|accept| accept.contains("text/html"))
}

/// A header as text, if it is there and is text.
pub(crate) fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = text(headers, header::AUTHORIZATION)?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The sender's address. A proxy in our own network is believed about whom it speaks for; only the last entry,
/// because the others are the client's claim.
fn client_address(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_near = match peer.to_canonical() {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private(),
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local(),
    };
    if !is_near {
        return peer;
    }
    headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok())
        .unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_proxy_is_believed() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "198.51.100.1, 203.0.113.9".parse().unwrap());
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(client_address(parse("127.0.0.1"), &headers), parse("203.0.113.9"));
        assert_eq!(client_address(parse("172.18.0.2"), &headers), parse("203.0.113.9"));
        assert_eq!(client_address(parse("192.0.2.1"), &headers), parse("192.0.2.1"));
    }

    #[test]
    fn credentials_are_read_as_clients_send_them() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "basic SEw6YTpi".parse().unwrap());
        assert_eq!(basic(&headers), Some(("HL".to_owned(), "a:b".to_owned())));
        headers.insert("authorization", "Bearer SEw6YTpi".parse().unwrap());
        assert_eq!(basic(&headers), None);
        headers.insert("cookie", "a=b; heirloom_session=xyz; c=d".parse().unwrap());
        assert_eq!(cookie(&headers).as_deref(), Some("xyz"));
    }
}
