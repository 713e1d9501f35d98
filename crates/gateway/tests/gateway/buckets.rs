use crate::server::Server;
use accounts::Permission;
use model::{BucketName, UserName};

#[tokio::test]
async fn users_see_their_bucket_and_what_they_were_granted() {
    let server = Server::start().await;
    let listed = server.alice.get("/").await.expect(200);
    assert_eq!(listed.tags("Name"), ["alice"]);
    let (bob, alice) = (UserName::new("bob").unwrap(), BucketName::new("alice").unwrap());
    server.accounts.grant(&bob, &alice, Permission::Read).unwrap();
    assert_eq!(server.bob.get("/").await.expect(200).tags("Name"), ["bob", "alice"]);
}

#[tokio::test]
async fn a_bucket_is_there_before_anything_is_in_it() {
    let server = Server::start().await;
    server.alice.head("/alice").await.expect(200);
    server.alice.get("/alice").await.expect(200);
    let location = server.alice.call("GET", "/alice").query("location", "").send().await.expect(200);
    assert!(location.text().contains("LocationConstraint"), "{}", location.text());
    let versioning = server.alice.call("GET", "/alice").query("versioning", "").send().await.expect(200);
    assert_eq!(versioning.tag("Status"), None, "not versioned");
}

#[tokio::test]
async fn creating_is_for_ones_own_and_deleting_for_nobody() {
    let server = Server::start().await;
    server.alice.put("/alice", "").await.expect(200);
    server.alice.put("/alice", "").await.expect(200);
    server.alice.put("/bob", "").await.expect_error(403, "AccessDenied");
    server.alice.put("/carol", "").await.expect_error(403, "AccessDenied");
    server.alice.delete("/alice").await.expect_error(403, "AccessDenied");
}
