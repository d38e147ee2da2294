//! Which files of the application have changed, for `reload`. What is on the disk is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The most files that are watched: ten times what a large application imports.
const FILES_MAX: usize = 20_000;

/// The most folders that are watched.
const FOLDERS_MAX: usize = 1_000;

/// The state of a file: when it was written, in nanoseconds, and its size.
pub(super) type Stamp = (i128, u64);

/// What is on the disk.
pub(super) trait Disk {
    /// The state of a file; `None` if there is none.
    fn stamp(&self, file: &Path) -> Option<Stamp>;

    /// The names of the modules and packages in a folder.
    fn modules(&self, folder: &Path) -> BTreeSet<OsString>;
}

/// The files that are watched.
#[derive(Debug, Default)]
pub(super) struct WatchedCode {
    files: BTreeMap<PathBuf, WatchedFile>,
    /// The modules of folders in which one was missing.
    folders: BTreeMap<PathBuf, BTreeSet<OsString>>,
    changed: BTreeSet<PathBuf>,
}

#[derive(Clone, Copy, Debug)]
struct WatchedFile {
    stamp: Stamp,
    /// Whether the last look did not find it. An editor that writes a new file and renames it may
    /// remove the old one first.
    is_missing: bool,
}

impl WatchedCode {
    /// A process has read a file when it was in this state.
    pub(super) fn was_read(&mut self, file: PathBuf, stamp: Stamp) {
        if self.files.get(&file).is_some_and(|known| known.stamp == stamp) {
            self.changed.remove(&file);
        }
        if self.files.len() < FILES_MAX || self.files.contains_key(&file) {
            self.files.insert(file, WatchedFile { stamp, is_missing: false });
        }
    }

    /// A module was not found, which may be in this folder later, beside these.
    pub(super) fn was_searched(&mut self, folder: PathBuf, modules: BTreeSet<OsString>) {
        if self.folders.len() < FOLDERS_MAX || self.folders.contains_key(&folder) {
            self.folders.insert(folder, modules);
        }
    }

    /// The application has been imported: no module is missing.
    pub(super) fn is_complete(&mut self) {
        self.folders.clear();
    }

    /// Looks at everything, and notes what has changed since the look before.
    pub(super) fn look(&mut self, disk: &impl Disk) -> Look {
        let mut found = Vec::new();
        self.files.retain(|path, known| {
            let stamp = disk.stamp(path);
            let is_gone = stamp.is_none() && known.is_missing;
            if is_gone || stamp.is_some_and(|stamp| stamp != known.stamp) {
                found.push(path.clone());
            }
            *known =
                WatchedFile { stamp: stamp.unwrap_or(known.stamp), is_missing: stamp.is_none() };
            !is_gone
        });
        for (folder, modules) in &mut self.folders {
            let now = disk.modules(folder);
            found.extend(now.difference(modules).map(|name| folder.join(name)));
            *modules = now;
        }
        let look = if found.is_empty() { Look::Unchanged } else { Look::Changed };
        self.changed.extend(found);
        look
    }

    /// What has changed and was not read since, if anything.
    pub(super) fn changed(&self) -> impl Iterator<Item = &Path> {
        self.changed.iter().map(PathBuf::as_path)
    }

    /// Somebody is about to read everything anew.
    pub(super) fn forget_changes(&mut self) {
        self.changed.clear();
    }
}

/// What a look has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The same as the look before.
    Unchanged,
    /// Something else.
    Changed,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk in memory.
    #[derive(Default)]
    struct Files(BTreeMap<&'static str, Stamp>);

    impl Disk for Files {
        fn stamp(&self, file: &Path) -> Option<Stamp> {
            self.0.get(file.to_str()?).copied()
        }

        fn modules(&self, folder: &Path) -> BTreeSet<OsString> {
            let inside = self.0.keys().filter_map(|path| Path::new(path).strip_prefix(folder).ok());
            inside.map(|path| path.as_os_str().to_owned()).collect()
        }
    }

    fn watching(disk: &Files) -> WatchedCode {
        let mut code = WatchedCode::default();
        for (path, stamp) in &disk.0 {
            code.was_read(path.into(), *stamp);
        }
        code
    }

    fn changed(code: &WatchedCode) -> Vec<&str> {
        code.changed().filter_map(Path::to_str).collect()
    }

    #[test]
    fn a_file_that_is_written_has_changed_until_somebody_has_read_it() {
        let mut disk = Files([("a.py", (1, 10)), ("b.py", (1, 10))].into());
        let mut code = watching(&disk);
        assert_eq!(code.look(&disk), Look::Unchanged);
        disk.0.insert("a.py", (2, 10));
        assert_eq!(code.look(&disk), Look::Changed);
        assert_eq!(code.look(&disk), Look::Unchanged);
        assert_eq!(changed(&code), ["a.py"]);
        code.was_read("a.py".into(), (2, 10));
        assert_eq!(changed(&code), [""; 0]);
    }

    #[test]
    fn a_file_that_was_written_after_it_was_read_and_before_it_is_watched_has_changed() {
        let disk = Files([("a.py", (2, 10))].into());
        let mut code = WatchedCode::default();
        code.was_read("a.py".into(), (1, 10));
        assert_eq!(code.look(&disk), Look::Changed);
    }

    #[test]
    fn an_editor_that_removes_a_file_before_it_renames_the_new_one_makes_one_change() {
        let mut disk = Files([("a.py", (1, 10))].into());
        let mut code = watching(&disk);
        disk.0.clear();
        assert_eq!(code.look(&disk), Look::Unchanged);
        disk.0.insert("a.py", (2, 11));
        assert_eq!(code.look(&disk), Look::Changed);
        assert_eq!(code.look(&disk), Look::Unchanged);
    }

    #[test]
    fn a_file_that_stays_away_has_changed_once() {
        let mut disk = Files([("a.py", (1, 10))].into());
        let mut code = watching(&disk);
        disk.0.clear();
        let looks: Vec<_> = (0..4).map(|_| code.look(&disk)).collect();
        assert_eq!(looks, [Look::Unchanged, Look::Changed, Look::Unchanged, Look::Unchanged]);
    }

    #[test]
    fn a_module_that_was_missing_is_noticed_where_it_was_searched() {
        let mut disk = Files([("shop/a.py", (1, 10))].into());
        let mut code = watching(&disk);
        code.was_searched("shop".into(), ["a.py".into()].into());
        assert_eq!(code.look(&disk), Look::Unchanged);
        disk.0.insert("shop/b.py", (1, 1));
        assert_eq!(code.look(&disk), Look::Changed);
        assert_eq!(changed(&code), ["shop/b.py"]);
        code.is_complete();
        disk.0.insert("shop/c.py", (1, 1));
        assert_eq!(code.look(&disk), Look::Unchanged);
    }
}
