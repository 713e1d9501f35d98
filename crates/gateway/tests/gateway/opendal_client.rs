//! The client that our own machines use.

use crate::server::{REGION, Server};
use opendal::{ErrorKind, Operator, services::S3};

pub(crate) fn operator(server: &Server) -> Operator {
    static TRANSPORT: std::sync::Once = std::sync::Once::new();
    TRANSPORT.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().unwrap();
        opendal_http_transport_reqwest::install_default();
    });
    let builder = S3::default()
        .endpoint(&format!("http://{}", server.address))
        .region(REGION)
        .bucket("alice")
        .access_key_id(server.alice.id())
        .secret_access_key(server.alice.secret())
        .disable_config_load()
        .disable_ec2_metadata();
    Operator::new(builder).unwrap()
}

#[tokio::test]
async fn files_directories_and_listings() {
    let server = Server::start().await;
    let operator = operator(&server);
    let written = operator
        .write_with("dir/a file+with &%?#*[\"'\tx", "hello")
        .user_metadata([("mtime".to_owned(), "5.5".to_owned())])
        .if_not_exists(true)
        .await
        .unwrap();
    assert_eq!(written.etag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    operator.create_dir("empty/").await.unwrap();
    let stat = operator.stat("dir/a file+with &%?#*[\"'\tx").await.unwrap();
    assert_eq!((stat.content_length(), stat.user_metadata().unwrap().get("mtime")), (5, Some("5.5")));
    let listed = operator.list_with("").recursive(true).await.unwrap();
    let paths: Vec<_> = listed.iter().map(opendal::Entry::path).collect();
    assert_eq!(paths, ["dir/a file+with &%25?#*[\"'%09x", "empty/"], "a name with a tab travels escaped");
    let top = operator.list("").await.unwrap();
    assert_eq!(top.iter().map(opendal::Entry::path).collect::<Vec<_>>(), ["dir/", "empty/"]);
    operator.delete("empty/").await.unwrap();
    operator.delete_iter(["dir/a file+with &%?#*[\"'\tx".to_owned()]).await.unwrap();
    assert!(operator.list_with("").recursive(true).await.unwrap().is_empty());
}

#[tokio::test]
async fn conditional_writes() {
    let server = Server::start().await;
    let operator = operator(&server);
    let first = operator.write("file", "one").await.unwrap();
    let taken = operator.write_with("file", "two").if_not_exists(true).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::ConditionNotMatch);
    operator.write_with("file", "two").if_match(first.etag().unwrap()).await.unwrap();
    let late = operator.write_with("file", "three").if_match(first.etag().unwrap()).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::ConditionNotMatch);
    assert_eq!(operator.read("file").await.unwrap().to_vec(), b"two");
}

#[tokio::test]
async fn large_files_in_parts_and_ranges() {
    let server = Server::start().await;
    let operator = operator(&server);
    let content: Vec<u8> = (0..20_000_000_u32).map(|at| (at % 251) as u8).collect();
    let mut writer = operator.writer_with("big").chunk(8 << 20).concurrent(4).await.unwrap();
    writer.write(content.clone()).await.unwrap();
    let written = writer.close().await.unwrap();
    assert!(written.etag().unwrap().ends_with("-3\""));
    assert!(operator.read("big").await.unwrap().to_vec() == content);
    let part = operator.read_with("big").range(9_000_000..12_000_000).await.unwrap().to_vec();
    assert!(part == content[9_000_000..12_000_000]);
    operator.copy("big", "copy").await.unwrap();
    assert!(operator.read("copy").await.unwrap().to_vec() == content);
}
