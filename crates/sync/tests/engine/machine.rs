//! One machine: a real folder, a real journal, and the engine between them and a bucket.

use crate::fake::FakeBucket;
use journal::{Journal, Mount, RouteKey};
use model::{DiskId, MachineName, ObjectKey, RelPath};
use plan::ignore::IgnoreRules;
use plan::sync::{Direction, MaxDelete};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use sync::sealed::Keys;
use sync::{Cycle, Error, Folder, Options, Outcome, Progress, Remote, Report, Resume, Route, Sealed};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(crate) struct Machine<R = FakeBucket> {
    place: TempDir,
    journal: Arc<Journal>,
    pub(crate) route: Route,
    pub(crate) remote: R,
    pub(crate) keys: Keys,
}

impl<R: Remote> Machine<R> {
    pub(crate) fn new(name: &str, remote: &R) -> Self {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("folder");
        std::fs::create_dir(&folder).unwrap();
        let journal = Arc::new(Journal::open(&place.path().join("journal.db")).unwrap());
        let key =
            RouteKey { destination: "cloud".into(), prefix: "documents/".into(), folder: folder.clone() };
        let route = Route {
            state: None,
            destination: "cloud".into(),
            is_one_of_several: false,
            folder,
            prefix: bucket::Prefix::root(),
            id: journal.route(&key).unwrap(),
            direction: Direction::TwoWay,
            max_delete: MaxDelete::Percent(50),
            ignore: IgnoreRules::new(&[]).unwrap(),
            machine: MachineName::new(name).unwrap(),
        };
        Self { place, journal, route, remote: remote.clone(), keys: Keys::default() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.route.folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.route.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path(name)).ok()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        testkit::list(self.folder()).into_keys().map(|name| name.to_string_lossy().into_owned()).collect()
    }

    pub(crate) async fn run_with(&self, options: Options) -> Result<Outcome, Error> {
        let local = Folder::open(self.folder()).map_err(Error::Local)?;
        let remote = Sealed::new(self.remote.clone(), self.keys.clone(), &self.journal, self.route.id)
            .map_err(Error::Journal)?;
        let cycle = Cycle {
            route: &self.route,
            local: &local,
            remote: &remote,
            journal: &self.journal,
            options: &options,
            progress: &Progress::default(),
        };
        cycle.until_settled().await
    }

    pub(crate) async fn run(&self) -> Result<Outcome, Error> {
        self.run_with(options()).await
    }

    /// Runs, and nothing may be in the way.
    pub(crate) async fn sync(&self) -> Report {
        match self.run().await {
            Ok(Outcome::Done(report)) => {
                assert_eq!(report.problems, [], "no problems");
                report
            }
            other => panic!("{other:?}"),
        }
    }

    /// Runs, and what came of it may have problems.
    pub(crate) async fn report(&self) -> Report {
        match self.run().await {
            Ok(Outcome::Done(report)) => report,
            other => panic!("{other:?}"),
        }
    }

    /// As if a disk had been mounted there, and were not any more.
    pub(crate) fn had_mounted(&self, name: &str) {
        let point = ObjectKey::directory(&RelPath::from_key(name).unwrap());
        let mount = Mount { disk: Some(DiskId::new("uuid 1 /")), doubt: None };
        self.journal.set_mounts(self.route.id, &[(point, mount)].into()).unwrap();
    }

    /// As if the machine's disk had been lost, journal and all, with the folder restored by other means.
    pub(crate) fn lose_journal(&mut self) {
        let path = self.place.path().join("other.db");
        self.journal = Arc::new(Journal::open(&path).unwrap());
        let key = RouteKey {
            destination: "cloud".into(),
            prefix: "documents/".into(),
            folder: self.route.folder.clone(),
        };
        self.route.id = self.journal.route(&key).unwrap();
    }
}

pub(crate) fn options() -> Options {
    Options {
        resume: Resume::Not,
        dry_run: false,
        time: "20261120-101500".into(),
        stop: CancellationToken::new(),
    }
}
