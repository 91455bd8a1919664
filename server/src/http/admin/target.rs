//! Where a backup may be written: below one configured directory, whatever the request says.

use std::path::{Component, Path, PathBuf};

/// The directory that a request means. Links are followed before it is judged; the last name may be new.
pub(super) fn below(root: &Path, target: &str) -> Result<PathBuf, String> {
    let real = |path: &Path| path.canonicalize().map_err(|e| format!("cannot use {}: {e}", path.display()));
    let root = real(root)?;
    let asked = Path::new(target);
    let plain = !target.contains('\0') && asked.components().all(|c| c != Component::ParentDir);
    let name = asked.file_name().filter(|_| plain);
    let name = name.ok_or_else(|| format!("`{target}` names no directory below `backup_dir`"))?;
    let joined = root.join(asked);
    let parent = real(joined.parent().unwrap_or(&root))?;
    let place = parent.join(name);
    let judged = if place.is_symlink() { real(&place)? } else { place };
    if judged.starts_with(&root) && judged != root { Ok(judged) } else { Err(format!("`{target}` does not lie below `backup_dir`")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_lies_below_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().canonicalize().unwrap();
        let root = place.join("backups");
        std::fs::create_dir_all(root.join("inner")).unwrap();
        std::fs::create_dir_all(place.join("backups-of-others")).unwrap();
        std::os::unix::fs::symlink(&place, root.join("out")).unwrap();
        std::os::unix::fs::symlink("inner", root.join("in")).unwrap();
        let absolute = |name: &str| place.join(name).display().to_string();
        for (target, expected) in [
            ("monday".to_string(), "monday"),
            ("inner/monday".to_string(), "inner/monday"),
            ("./monday/".to_string(), "monday"),
            ("in/monday".to_string(), "inner/monday"),
            ("in".to_string(), "inner"),
            (absolute("backups/monday"), "monday"),
        ] {
            assert_eq!(below(&root, &target), Ok(root.join(expected)), "{target}");
        }
        let wrong =
            ["", ".", "..", "/", "../monday", "inner/../../monday", "out/monday", "out", "absent/monday", "monday\0x", "/etc/monday"];
        let wrong = wrong.map(str::to_string).into_iter().chain([absolute("backups"), absolute("backups-of-others/x"), absolute("monday")]);
        for target in wrong {
            assert!(below(&root, &target).is_err(), "{target} is taken");
        }
    }
}
