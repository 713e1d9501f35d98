//! Signing in with a key or a one-time link, and out again.

use crate::address;
use crate::failure::Failure;
use crate::guest::{COOKIE, Door, Guest};
use crate::page;
use crate::site::{Site, blocking};
use accounts::{SessionToken, SignInToken};
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, Method, StatusCode, header};
use model::UserName;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

const SESSION_LIFETIME: Duration = Duration::from_hours(30 * 24);

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    token: Option<String>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Given {
    access_key_id: String,
    secret_access_key: String,
    next: Option<String>,
}

/// `GET /sign-in`: the form; with a token, the door itself. A HEAD request, which link previews send, never uses a
/// token up.
pub(crate) async fn form(
    State(site): State<Arc<Site>>,
    method: Method,
    guest: Guest,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    blocking(move || {
        let next = address::local_only(asked.next.as_deref());
        match asked.token.filter(|_| method == Method::GET) {
            Some(token) => with_token(&site, &guest, &token, next),
            None if site.recognise(&guest, Door::Pages).is_ok() => Ok(Redirect::to(next).into_response()),
            None => Ok(private(page::sign_in(next, None).into_response())),
        }
    })
    .await
}

fn with_token(site: &Site, guest: &Guest, token: &str, next: &str) -> Result<Response, Failure> {
    if site.throttle.refuses(guest.address, site.now()) {
        return Err(Failure::TooMany);
    }
    let redeemed = site.options.accounts.redeem_sign_in(&SignInToken::new(token), site.now());
    match redeemed.map_err(|error| Failure::broken("check the sign-in link", error))? {
        Some(user) => begin_session(site, &user, next),
        // Whoever opens the same link twice in one browser is still where they wanted to be.
        None if site.recognise(guest, Door::Pages).is_ok() => Ok(Redirect::to(next).into_response()),
        None => {
            site.throttle.failed(guest.address, site.now());
            let wrong =
                "This link was used already, or is too old. Sign in with a key, or ask for a new link.";
            Ok(private((StatusCode::FORBIDDEN, page::sign_in(next, Some(wrong))).into_response()))
        }
    }
}

/// `POST /sign-in`.
pub(crate) async fn enter(
    State(site): State<Arc<Site>>,
    guest: Guest,
    Form(given): Form<Given>,
) -> Result<Response, Failure> {
    blocking(move || {
        let next = address::local_only(given.next.as_deref());
        let (id, secret) = (given.access_key_id.trim(), given.secret_access_key.trim());
        if let Some(user) = site.open_with_key(guest.address, id, secret)? {
            return begin_session(&site, &user, next);
        }
        let wrong = "This key does not open anything. Check the access key id and the secret.";
        Ok(private((StatusCode::FORBIDDEN, page::sign_in(next, Some(wrong))).into_response()))
    })
    .await
}

/// `POST /sign-out`.
pub(crate) async fn leave(State(site): State<Arc<Site>>, guest: Guest) -> Result<Response, Failure> {
    blocking(move || {
        if let Some(session) = &guest.session {
            let ended = site.options.accounts.end_session(&SessionToken::new(session));
            ended.map_err(|error| Failure::broken("sign you out", error))?;
        }
        Ok(with_cookie(&site, "", Duration::ZERO, Redirect::to("/sign-in").into_response()))
    })
    .await
}

fn begin_session(site: &Site, user: &UserName, next: &str) -> Result<Response, Failure> {
    let session = site
        .options
        .accounts
        .create_session(user, site.now(), SESSION_LIFETIME)
        .map_err(|error| Failure::broken("sign you in", error))?;
    Ok(with_cookie(site, session.reveal(), SESSION_LIFETIME, Redirect::to(next).into_response()))
}

fn with_cookie(site: &Site, value: &str, lifetime: Duration, response: Response) -> Response {
    let secure = if site.is_https() { "; Secure" } else { "" };
    let age = lifetime.as_secs();
    let cookie = format!("{COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    let mut response = private(response);
    let cookie = HeaderValue::from_str(&cookie).expect("because tokens are letters and digits");
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}

/// No cache keeps what signs somebody in or out.
fn private(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
