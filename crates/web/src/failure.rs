//! Why a request gets no answer, as data; the outermost layer words it for a person or for a program.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use std::error::Error as StdError;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It is not there, or not for this user: both look the same.
    NotFound(String),
    /// A person must sign in first, and comes back to `next`.
    SignIn { next: String },
    /// A program must send a key.
    KeyNeeded,
    /// A program sent a wrong key.
    KeyWrong,
    /// Too many wrong keys.
    TooMany,
    /// It is not done here.
    Forbidden(&'static str),
    /// The request makes no sense.
    Unclear(&'static str),
    /// Ours to repair.
    Broken { doing: String, source: Box<dyn StdError + Send + Sync> },
}

/// What the outermost layer needs to word a failure.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub status: StatusCode,
    /// A short heading.
    pub title: &'static str,
    /// What happened, and what to do.
    pub advice: String,
}

impl Failure {
    pub(crate) fn broken(
        doing: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::Broken { doing: doing.into(), source: source.into() }
    }

    /// The answer for whatever may not or cannot be seen.
    pub(crate) fn not_found() -> Self {
        Self::NotFound("There is nothing at this address, or it is not shared with you.".to_owned())
    }

    fn trouble(self) -> Trouble {
        let (status, title, advice) = match self {
            Self::NotFound(advice) => (StatusCode::NOT_FOUND, "Not found", advice),
            Self::SignIn { .. } => (StatusCode::SEE_OTHER, "Sign in first", String::new()),
            Self::KeyNeeded => (
                StatusCode::UNAUTHORIZED,
                "A key is needed",
                "Send an access key id as the user name and its secret as the password.".to_owned(),
            ),
            Self::KeyWrong => (
                StatusCode::UNAUTHORIZED,
                "This key does not open anything",
                "The access key id or its secret is wrong, or the key was revoked.".to_owned(),
            ),
            Self::TooMany => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many wrong keys",
                "Wait ten minutes, then try again with the right key.".to_owned(),
            ),
            Self::Forbidden(why) => (StatusCode::FORBIDDEN, "This is not done here", why.to_owned()),
            Self::Unclear(why) => (StatusCode::BAD_REQUEST, "This request makes no sense", why.to_owned()),
            Self::Broken { doing, source } => {
                tracing::error!(error = %chain(source.as_ref()), "could not {doing}");
                let advice = format!(
                    "Heirloom could not {doing}. The log of the machine says why; if stored data is damaged, \
                     another copy of the archive still has it."
                );
                (StatusCode::INTERNAL_SERVER_ERROR, "Something is broken", advice)
            }
        };
        Trouble { status, title, advice }
    }
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if let Self::SignIn { next } = &self {
            return axum::response::Redirect::to(&crate::address::sign_in(next)).into_response();
        }
        let (retry, ask) = (matches!(self, Self::TooMany), matches!(self, Self::KeyNeeded | Self::KeyWrong));
        let trouble = self.trouble();
        let mut response = trouble.status.into_response();
        let headers = response.headers_mut();
        if ask {
            let realm = HeaderValue::from_static("Basic realm=\"Heirloom\", charset=\"UTF-8\"");
            headers.insert(header::WWW_AUTHENTICATE, realm);
        }
        if retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("600"));
        }
        response.extensions_mut().insert(trouble);
        response
    }
}
