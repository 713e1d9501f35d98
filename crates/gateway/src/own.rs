//! Our own requests: what clients of ours ask for and S3 has no words for.
//!
//! They are told apart by a name in the query of a request to a bucket, signed like any other request, and open to whoever has the
//! permission that each of them needs.
//!
//! | request | permission | what it is |
//! |---|---|---|
//! | `GET /<bucket>?heirloom-changes…` | read | [`Changes`]: what changed since a cursor |
//! | `POST /<bucket>?heirloom-batch=get` | read | [`Batches`]: many small objects, read |
//! | `POST /<bucket>?heirloom-batch=put` | write | [`Batches`]: many small objects, written |
//!
//! An answer is of a content type of its own, so that it is not mistaken for what another server sends instead.

use crate::access::Doorkeeper;
use crate::batch::Batches;
use crate::changes::Changes;
use crate::host::{Domain, Names};
use accounts::Permission;
use http::{Extensions, HeaderMap, HeaderValue, Method, Uri};
use model::BucketName;
use percent_encoding::percent_decode_str;
use s3s::host::S3Host;
use s3s::path::{S3Path, parse_virtual_hosted_style_with_validation};
use s3s::route::S3Route;
use s3s::{Body, S3Request, S3Response, S3Result, s3_error};

/// Answers our own requests.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) doorkeeper: Doorkeeper,
    pub(crate) domain: Option<Domain>,
    pub(crate) changes: Changes,
    pub(crate) batches: Batches,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Changes,
    BatchGet,
    BatchPut,
}

/// What is asked for, of which bucket.
#[derive(Clone, Debug)]
struct Asked {
    what: What,
    bucket: String,
}

impl What {
    fn of(method: &Method, uri: &Uri) -> Option<Self> {
        let value = |wanted: &str| pairs(uri).find(|(name, _)| name == wanted).map(|(_, value)| value);
        if method == Method::GET {
            return value("heirloom-changes").map(|_| Self::Changes);
        }
        match value("heirloom-batch").filter(|_| method == Method::POST)?.as_ref() {
            "get" => Some(Self::BatchGet),
            "put" => Some(Self::BatchPut),
            _ => None,
        }
    }

    fn permission(self) -> Permission {
        match self {
            Self::Changes | Self::BatchGet => Permission::Read,
            Self::BatchPut => Permission::Write,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Changes => crate::changes::CONTENT_TYPE,
            Self::BatchGet | Self::BatchPut => crate::batch::CONTENT_TYPE,
        }
    }
}

impl Own {
    /// The bucket, if that is all that path and host name.
    fn bucket(&self, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        let path = percent_decode_str(uri.path()).decode_utf8().ok()?;
        let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
        let host =
            self.domain.as_ref().zip(host).and_then(|(domain, host)| domain.parse_host_header(host).ok());
        let bucket = host.as_ref().and_then(|host| host.bucket());
        match parse_virtual_hosted_style_with_validation(bucket, &path, &Names).ok()? {
            S3Path::Bucket { bucket } => Some(bucket.into()),
            S3Path::Root | S3Path::Object { .. } => None,
        }
    }

    /// What is asked for, and the bucket, if the request may do that there.
    fn open(&self, request: &S3Request<Body>) -> S3Result<(What, BucketName)> {
        let signer = self.doorkeeper.admit(request.credentials.as_ref(), &request.uri, &request.headers)?;
        let Some(Asked { what, bucket }) = request.extensions.get() else {
            return Err(s3_error!(InvalidRequest, "the request names no bucket"));
        };
        Ok((*what, self.doorkeeper.require(&signer.0, bucket, what.permission())?))
    }
}

#[async_trait::async_trait]
impl S3Route for Own {
    fn is_match(&self, method: &Method, uri: &Uri, headers: &HeaderMap, extensions: &mut Extensions) -> bool {
        let Some(what) = What::of(method, uri) else { return false };
        let Some(bucket) = self.bucket(uri, headers) else { return false };
        extensions.insert(Asked { what, bucket });
        true
    }

    async fn check_access(&self, request: &mut S3Request<Body>) -> S3Result<()> {
        self.open(request).map(drop)
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let (what, bucket) = self.open(&request)?;
        let body = match what {
            What::Changes => self.changes.answer(bucket, &request.uri).await?,
            What::BatchGet => self.batches.get(bucket, request.input).await?,
            What::BatchPut => self.batches.put(bucket, request.input).await?,
        };
        let mut response = S3Response::new(body);
        let content_type = HeaderValue::from_static(what.content_type());
        response.headers.insert(http::header::CONTENT_TYPE, content_type);
        Ok(response)
    }
}

/// The pairs of a query, decoded.
pub(crate) fn pairs(uri: &Uri) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
}
