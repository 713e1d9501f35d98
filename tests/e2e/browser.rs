//! A person walks through the pages in headless Chromium.

use crate::home::{Home, free_port};
use crate::server::Cloud;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testkit::tools::have;

const PATIENCE: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(50);

/// The driver and all it started; killed when the test is over.
struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    fn start() -> Self {
        let port = free_port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: command.spawn().unwrap(), port }
    }

    async fn client(&self, profile: &std::path::Path) -> Client {
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=390,844",
            &format!("--user-data-dir={}", profile.display()),
        ];
        let capabilities = serde_json::json!({"goog:chromeOptions": {"args": arguments}});
        let capabilities = capabilities.as_object().unwrap().clone();
        let address = format!("http://127.0.0.1:{}", self.port);
        for _ in 0..200 {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            if let Ok(client) = builder.capabilities(capabilities.clone()).connect(&address).await {
                return client;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no browser came up");
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What the page says now: nothing while it is being left. One script reads it, because an element that was found may belong
/// to the page before.
async fn text(client: &Client) -> String {
    let text = client.execute("return document.body ? document.body.innerText : ''", vec![]).await;
    text.ok().and_then(|text| Some(text.as_str()?.to_owned())).unwrap_or_default()
}

/// Follows the first link with this text, and waits until its page is there.
async fn follow(client: &Client, link: &str) {
    let left = client.current_url().await.unwrap().to_string();
    let found = client.wait().at_most(PATIENCE).for_element(Locator::LinkText(link)).await;
    found.unwrap_or_else(|error| panic!("no link `{link}`: {error}")).click().await.unwrap();
    arrive(client, &left).await;
}

/// Waits until another page than `left` is whole.
async fn arrive(client: &Client, left: &str) {
    let ready = "return document.readyState == 'complete'";
    let arrived = async || {
        client.current_url().await.unwrap().as_str() != left
            && client.execute(ready, vec![]).await.is_ok_and(|ready| ready.as_bool() == Some(true))
    };
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        if arrived().await {
            return;
        }
        tokio::time::sleep(STEP).await;
    }
    panic!("{left} was not left");
}

/// Fails where the page is wider than the phone it is shown on.
async fn fits(client: &Client, page: &str) {
    let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let excess = client.execute(script, vec![]).await.unwrap();
    assert_eq!(excess.as_i64(), Some(0), "{page} scrolls sideways on a phone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_finds_an_earlier_version() {
    if !have("chromedriver") || !have("chromium") {
        return;
    }
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = cloud.laptop("laptop", "documents");
    home.write("documents/letters/To Anna.txt", "Dear Anna, the first version");
    home.write(
        "documents/README.md",
        "# Family papers\n\nWith a **bold** word and <script>document.title='owned'</script>.",
    );
    home.run(&["sync", "--config", &profile]).ok();
    cloud.snapshot();
    home.write("documents/letters/To Anna.txt", "Dear Anna, the second version");
    home.run(&["sync", "--config", &profile]).ok();
    cloud.snapshot();

    let driver = Driver::start();
    let client = driver.client(&home.path("chromium")).await;
    walk(&client, &cloud).await;
    client.close().await.unwrap();
}

async fn walk(client: &Client, cloud: &Cloud<'_>) {
    // Not signed in: only the door.
    client.goto(&format!("http://127.0.0.1:{}/alice/snapshots", cloud.web)).await.unwrap();
    assert!(!text(client).await.contains("Family"), "a stranger sees nothing");
    fits(client, "the door").await;
    let fill = async |name: &str, value: &str| {
        let field = client.find(Locator::Css(&format!("input[name={name}]"))).await.unwrap();
        field.send_keys(value).await.unwrap();
    };
    fill("access_key_id", &cloud.joined("laptop", "access_key_id")).await;
    fill("secret_access_key", &cloud.joined("laptop", "secret_access_key")).await;
    let enter = "form button.primary, form button:not([type]), form button[type=submit]";
    client.find(Locator::Css(enter)).await.unwrap().click().await.unwrap();
    eventually_text(client, "Sign out").await;

    // From the bucket to the file.
    client.goto(&format!("http://127.0.0.1:{}/alice", cloud.web)).await.unwrap();
    fits(client, "the bucket").await;
    follow(client, "documents").await;
    client.wait().at_most(PATIENCE).for_element(Locator::Css("h1")).await.unwrap();
    let page = text(client).await;
    assert!(page.contains("Family papers"), "the folder's README is rendered:\n{page}");
    assert_ne!(client.title().await.unwrap(), "owned", "nothing of a user's runs");
    fits(client, "the folder").await;
    follow(client, "letters").await;
    follow(client, "To Anna.txt").await;
    eventually_text(client, "the second version").await;
    fits(client, "the file").await;

    // And to its earlier version.
    client
        .goto(&format!("http://127.0.0.1:{}/alice/versions/documents/letters/To%20Anna.txt", cloud.web))
        .await
        .unwrap();
    fits(client, "the versions").await;
    let versions = client.find_all(Locator::Css("a[href*='/alice/file/']")).await.unwrap();
    assert!(versions.len() >= 2, "both versions are listed");
    versions.last().unwrap().click().await.unwrap();
    eventually_text(client, "the first version").await;

    client.goto(&format!("http://127.0.0.1:{}/alice/snapshots", cloud.web)).await.unwrap();
    fits(client, "the snapshots").await;
    assert!(text(client).await.contains("1 changed"), "{}", text(client).await);
}

async fn eventually_text(client: &Client, wanted: &str) {
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        if text(client).await.contains(wanted) {
            return;
        }
        tokio::time::sleep(STEP).await;
    }
    panic!("the page does not say `{wanted}`:\n{}", text(client).await);
}
