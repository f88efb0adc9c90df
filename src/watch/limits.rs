//! Why something cannot be watched, in words that say what to raise; and which file systems tell
//! nothing of changes made elsewhere. Changes no limit.

use std::{fs, path::Path};

/// All watches are in use.
pub(super) fn too_many_watches() -> String {
    let limit = smallest("max_user_watches", "max_inotify_watches");
    format!(
        "the limit of {limit} inotify watches is reached; raise it with `sysctl fs.inotify.max_user_watches=…` (in a user namespace also user.max_inotify_watches)"
    )
}

/// No inotify instance to be had.
pub(super) fn no_instance(error: &str) -> String {
    let limit = smallest("max_user_instances", "max_inotify_instances");
    format!(
        "no inotify instance ({error}), the limit is {limit}; raise it with `sysctl fs.inotify.max_user_instances=…` (or the limit of open files, `ulimit -n`)"
    )
}

fn smallest(of_user: &str, of_namespace: &str) -> String {
    let read = |path: String| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    [format!("/proc/sys/fs/inotify/{of_user}"), format!("/proc/sys/user/{of_namespace}")]
        .into_iter()
        .filter_map(read)
        .min()
        .map_or_else(|| "?".to_owned(), |it| it.to_string())
}

/// File systems that others can change without this kernel knowing.
const REMOTE: &[(i64, &str)] = &[
    (0x6969, "NFS"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x517B, "SMB"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x00C3_6400, "Ceph"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
    (0x786F_4256, "vboxsf"),
];

/// Why the file system at `path` has to be polled, if it has to.
pub(super) fn remote(path: &Path) -> Option<String> {
    let kind = rustix::fs::statfs(path).ok()?.f_type;
    remote_kind(kind).map(|name| {
        format!(
            "it is on {name}, where changes made by other machines or processes cause no events"
        )
    })
}

fn remote_kind(kind: i64) -> Option<&'static str> {
    // Some architectures hand the magic number over with its sign extended.
    REMOTE.iter().find(|it| it.0 == kind & 0xFFFF_FFFF).map(|it| it.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_file_system_is_known_by_its_magic_number() {
        assert_eq!(remote_kind(0x6969), Some("NFS"));
        assert_eq!(remote_kind(0xFF53_4D42_u32.cast_signed().into()), Some("CIFS"));
        for local in [0xEF53, 0x0102_1994, 0x794C_7630, 0x9123_683E, 0x5846_5342] {
            assert_eq!(remote_kind(local), None, "{local:x}");
        }
    }

    #[test]
    fn a_reached_limit_names_its_number_and_what_to_raise() {
        let limit = fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").unwrap();
        let namespace = fs::read_to_string("/proc/sys/user/max_inotify_watches").unwrap();
        let least = limit.trim().parse::<u64>().unwrap().min(namespace.trim().parse().unwrap());
        let why = too_many_watches();
        assert!(why.contains(&format!("limit of {least} ")) && why.contains("max_user_watches"));
    }
}
