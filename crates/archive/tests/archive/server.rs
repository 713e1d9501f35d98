//! A git server of a few lines: HTTP/1.1, one request per connection, `git upload-pack` behind it.

use crate::world::git_command;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Serves `repository` until the test ends; returns its address. With credentials, it wants them: `user:password` in base64.
pub(crate) fn serve(repository: &Path, authorization: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/alice.git", listener.local_addr().unwrap());
    let repository = repository.to_owned();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let repository = repository.clone();
            std::thread::spawn(move || answer(connection, &repository, authorization));
        }
    });
    address
}

struct Request {
    line: String,
    protocol: String,
    authorization: String,
    body: Vec<u8>,
}

fn answer(mut connection: TcpStream, repository: &PathBuf, authorization: Option<&str>) {
    let Some(request) = read_request(&mut connection) else { return };
    if authorization.is_some_and(|wanted| request.authorization != format!("Basic {wanted}")) {
        let head =
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n";
        connection.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).ok();
        return;
    }
    let mut command = git_command();
    command.arg("upload-pack").arg("--stateless-rpc").env("GIT_PROTOCOL", &request.protocol);
    let (kind, start) = if request.line.starts_with("GET") {
        command.arg("--http-backend-info-refs");
        let start =
            if request.protocol.contains("version=2") { "" } else { "001e# service=git-upload-pack\n0000" };
        ("advertisement", start)
    } else {
        ("result", "")
    };
    let mut child = command.arg(repository).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&request.body).unwrap();
    let mut output = start.as_bytes().to_vec();
    child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    child.wait().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-{kind}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        output.len()
    );
    connection.write_all(head.as_bytes()).ok();
    connection.write_all(&output).ok();
}

fn read_request(connection: &mut TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(connection);
    let mut request = Request {
        line: String::new(),
        protocol: String::new(),
        authorization: String::new(),
        body: Vec::new(),
    };
    reader.read_line(&mut request.line).ok()?;
    let (mut length, mut is_chunked) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        let value = value.trim().to_owned();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "transfer-encoding" => is_chunked = value == "chunked",
            "git-protocol" => request.protocol = value,
            "authorization" => request.authorization = value,
            "content-encoding" => panic!("this server does not inflate"),
            _ => {}
        }
    }
    if !is_chunked {
        request.body.resize(length, 0);
        reader.read_exact(&mut request.body).ok()?;
        return Some(request);
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let size = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).ok()?;
        if size == 0 {
            return Some(request);
        }
        request.body.extend_from_slice(&chunk[..size]);
    }
}
