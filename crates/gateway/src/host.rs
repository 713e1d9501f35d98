//! How buckets are named in requests.

use model::BucketName;
use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};
use s3s::validation::NameValidation;

/// Buckets are named like users.
pub(crate) struct Names;

impl NameValidation for Names {
    fn validate_bucket_name(&self, name: &str) -> bool {
        BucketName::new(name).is_ok()
    }
}

/// Names buckets by host below one domain. Any other host, an alias or a bare name in a container network, is taken
/// for the server itself: the library's own rule would take it for a bucket.
#[derive(Clone, Debug)]
pub(crate) struct Domain(String);

impl Domain {
    pub(crate) fn new(domain: &str) -> Self {
        Self(domain.to_ascii_lowercase())
    }
}

impl S3Host for Domain {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
        let below = name.to_ascii_lowercase();
        let bucket = below.strip_suffix(&self.0).and_then(|rest| rest.strip_suffix('.'));
        let server = VirtualHost::new(self.0.as_str());
        Ok(match bucket {
            Some(bucket) => server.with_bucket(bucket.to_owned()),
            None => server,
        })
    }
}
