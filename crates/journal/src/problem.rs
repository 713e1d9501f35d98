//! What the latest run of a route could not do, for whoever asks about a path later.

use crate::{Error, Journal, RouteId};
use model::{ObjectKey, RelPath};
use rusqlite::{OptionalExtension as _, TransactionBehavior, params};

impl Journal {
    /// Takes these in the place of what was said of an earlier run.
    pub fn set_problems<'p>(
        &self,
        route: RouteId,
        problems: impl Iterator<Item = (Option<&'p ObjectKey>, &'p str)>,
    ) -> Result<(), Error> {
        self.with("remembering problems", |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM problem WHERE route = ?1", [route.0])?;
            {
                let mut add = transaction.prepare_cached("INSERT INTO problem VALUES (?1, ?2, ?3)")?;
                for (key, message) in problems {
                    add.execute(params![route.0, key.map_or("", ObjectKey::as_str), message])?;
                }
            }
            transaction.commit()
        })
    }

    /// What was said of a path, as a file or as a directory.
    pub fn problem_at(&self, route: RouteId, path: &RelPath) -> Result<Option<String>, Error> {
        let (file, directory) = (ObjectKey::file(path), ObjectKey::directory(path));
        self.with("reading a problem", |connection| {
            let question = "SELECT message FROM problem WHERE route = ?1 AND key IN (?2, ?3) LIMIT 1";
            let values = params![route.0, file.as_str(), directory.as_str()];
            connection.prepare_cached(question)?.query_row(values, |row| row.get(0)).optional()
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::Journal;
    use crate::testing::route_to;
    use model::{ObjectKey, RelPath};

    #[test]
    fn what_was_said_last_is_known_by_path() {
        let journal = Journal::open_in_memory().unwrap();
        let route = route_to(&journal, "cloud");
        let path = RelPath::from_key("a/b").unwrap();
        let key = ObjectKey::directory(&path);
        journal.set_problems(route, [(Some(&key), "is odd"), (None, "all is odd")].into_iter()).unwrap();
        assert_eq!(journal.problem_at(route, &path).unwrap().as_deref(), Some("is odd"));
        assert_eq!(journal.problem_at(route, &RelPath::from_key("a").unwrap()).unwrap(), None);
        journal.set_problems(route, std::iter::empty()).unwrap();
        assert_eq!(journal.problem_at(route, &path).unwrap(), None);
    }
}
