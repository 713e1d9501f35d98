//! Who may do what, decided before an operation starts.
//!
//! Signatures are checked by `s3s`; what it checks is not enough, and each point has a test of its own:
//!
//! - A header that changes what a request does must be signed. Otherwise whoever holds a presigned upload link adds
//!   `x-amz-copy-source` and reads, as its signer, an object that the link was never made for.
//! - The source of a copy is another object than the one in the path; it is asked about by the operation.
//! - Signatures of version 2 and browser forms are refused: the one is weak, the other is read into memory
//!   before anybody asks who sends it.

use accounts::{AccessKeyId, Accounts, Permission};
use http::{HeaderMap, Uri};
use model::{BucketName, UserName};
use percent_encoding::percent_decode_str;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{Credentials, S3Auth, SecretKey};
use s3s::path::S3Path;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

/// The user whose key signed the request; every request that reaches an operation carries one.
#[derive(Clone, Debug)]
pub(crate) struct Signer(pub(crate) UserName);

/// Looks keys and permissions up.
#[derive(Clone, Debug)]
pub(crate) struct Doorkeeper {
    pub(crate) accounts: Accounts,
}

#[async_trait::async_trait]
impl S3Auth for Doorkeeper {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let id = AccessKeyId::new(access_key).map_err(|_| S3ErrorCode::InvalidAccessKeyId)?;
        let key = self.accounts.identify(&id).map_err(unavailable)?;
        key.map(|key| key.secret.reveal().into()).ok_or_else(|| S3ErrorCode::InvalidAccessKeyId.into())
    }
}

#[async_trait::async_trait]
impl S3Access for Doorkeeper {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let signer = self.admit(cx.credentials(), cx.uri(), cx.headers())?;
        match cx.s3_path() {
            S3Path::Root => {}
            S3Path::Bucket { bucket } | S3Path::Object { bucket, .. } => {
                self.require(&signer.0, bucket, needed(cx.s3_op().name()))?;
            }
        }
        cx.extensions_mut().insert(signer);
        Ok(())
    }
}

impl Doorkeeper {
    /// Who signed a request whose signature is right, if it says enough.
    pub(crate) fn admit(
        &self,
        credentials: Option<&Credentials>,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> S3Result<Signer> {
        let credentials = credentials.ok_or_else(|| denied("the request is not signed"))?;
        let signed = signed_headers(uri, headers)?;
        if let Some(name) = unsigned_header(headers, &signed) {
            return Err(denied(format!("the header `{name}` is not signed")));
        }
        let id = AccessKeyId::new(&credentials.access_key).map_err(|_| S3ErrorCode::InvalidAccessKeyId)?;
        let key = self.accounts.identify(&id).map_err(unavailable)?.ok_or(S3ErrorCode::InvalidAccessKeyId)?;
        Ok(Signer(key.user))
    }

    /// Fails unless the user has the permission; whether the bucket exists is not told.
    pub(crate) fn require(&self, user: &UserName, bucket: &str, needed: Permission) -> S3Result<BucketName> {
        let refused = || denied(format!("`{user}` may not do this with the bucket `{bucket}`"));
        let bucket = BucketName::new(bucket).map_err(|_| refused())?;
        let held = self.accounts.permission(user, &bucket).map_err(unavailable)?;
        if held >= needed { Ok(bucket) } else { Err(refused()) }
    }
}

/// What an operation needs. One that is not listed here is taken for a change.
fn needed(operation: &str) -> Permission {
    match operation {
        "GetObject"
        | "HeadObject"
        | "HeadBucket"
        | "GetBucketLocation"
        | "GetBucketVersioning"
        | "ListObjects"
        | "ListObjectsV2"
        | "ListParts"
        | "ListMultipartUploads" => Permission::Read,
        _ => Permission::Write,
    }
}

pub(crate) fn denied(message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    S3Error::with_message(S3ErrorCode::AccessDenied, message)
}

fn unavailable(error: accounts::Error) -> S3Error {
    tracing::error!(error = &error as &dyn std::error::Error, "accounts cannot be read");
    s3_error!(error, InternalError, "the accounts cannot be read")
}

/// How a request proves who sent it.
enum Signed {
    /// By its headers, these among them.
    Headers(Vec<String>),
    /// By its address; these headers are part of it.
    Address(Vec<String>),
}

/// The names in the signature. Whether the signature is right has been checked before.
fn signed_headers(uri: &Uri, headers: &HeaderMap) -> S3Result<Signed> {
    let split = |names: &str| names.split(';').map(|name| name.trim().to_ascii_lowercase()).collect();
    let mut from_address = None;
    for pair in uri.query().unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        match decode(name).as_str() {
            "Signature" | "AWSAccessKeyId" => return Err(denied("sign with AWS4-HMAC-SHA256")),
            "X-Amz-SignedHeaders" => from_address = Some(split(&decode(value))),
            _ => {}
        }
    }
    if let Some(names) = from_address {
        return Ok(Signed::Address(names));
    }
    let authorization = headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let parameters = authorization.and_then(|text| text.strip_prefix("AWS4-HMAC-SHA256"));
    let names = parameters
        .and_then(|text| text.split(',').find_map(|part| part.trim().strip_prefix("SignedHeaders=")))
        .ok_or_else(|| denied("sign with AWS4-HMAC-SHA256"))?;
    Ok(Signed::Headers(split(names)))
}

/// A header that has a meaning to S3 and no signature.
fn unsigned_header<'h>(headers: &'h HeaderMap, signed: &Signed) -> Option<&'h str> {
    let (names, free) = match signed {
        Signed::Headers(names) => (names, ""),
        // The content is not known when an address is signed. Its digest can only make the request stricter.
        Signed::Address(names) => (names, "x-amz-content-sha256"),
    };
    let meant = headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    meant.filter(|name| *name != free).find(|name| !names.iter().any(|signed| signed == name))
}
