//! Where the master secret comes from, and which ones are refused.

use super::{SECRET, load, write_secret};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};
use tokenlife::server::config::{DataConfig, MasterSecret, MasterSecretSource, Origin};

#[test]
fn the_first_start_makes_a_secret_and_the_next_one_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("deep/data");
    let file = data.join(MasterSecret::FILE_NAME);
    assert_eq!(MasterSecret::load(&MasterSecretSource::DataFolder, &data).unwrap(), None);
    assert!(!data.exists(), "looking makes nothing");

    let (made, origin) = MasterSecret::load_or_create(&MasterSecretSource::DataFolder, &data).unwrap();
    assert_eq!(origin, Origin::Generated(file.clone()));
    assert_eq!(made.as_bytes().len(), MasterSecret::MIN_BYTES);
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&data), 0o700);
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no scratch files are left");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.len() == 44 && text.ends_with('\n'));

    let (found, origin) = MasterSecret::load_or_create(&MasterSecretSource::DataFolder, &data).unwrap();
    assert_eq!((found, origin), (made, Origin::File(file)));
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn processes_that_start_at_once_use_the_same_secret() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let start = std::sync::Barrier::new(8);
        let found: Vec<(MasterSecret, Origin)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        MasterSecret::load_or_create(&MasterSecretSource::DataFolder, &data).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(found.iter().all(|(secret, _)| *secret == found[0].0));
        assert_eq!(found.iter().filter(|(_, origin)| matches!(origin, Origin::Generated(_))).count(), 1);
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
    }
}

#[test]
fn a_secret_of_the_operators_is_taken_in_either_alphabet() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    write_secret(&file, &format!("{SECRET}\n"), 0o400);
    let source = MasterSecretSource::File(file.clone());
    let (secret, origin) = MasterSecret::load_or_create(&source, folder.path()).unwrap();
    assert_eq!(origin, Origin::File(file));

    let url_safe = SECRET.replace('+', "-").replace('/', "_").replace('=', "");
    let config =
        load("", &[("TOKENLIFE__AUTH__MASTER_SECRET", &url_safe), ("TOKENLIFE__AUTH__MASTER_SECRET_FILE", "x")]);
    let given = MasterSecret::load_or_create(&config.unwrap().auth.master_secret, folder.path()).unwrap();
    assert_eq!(given, (secret, Origin::Variable), "the variable goes before the file");
}

#[test]
fn a_weak_or_open_secret_is_refused_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let name = file.display().to_string();
    let source = MasterSecretSource::File(file.clone());
    let refused = || MasterSecret::load_or_create(&source, folder.path()).unwrap_err().to_string();

    assert!(refused().starts_with(&format!("{name}: the master secret's file is not there; ")), "{}", refused());
    for (text, expected) in [
        ("", "shorter than 32 bytes"),
        ("c2hvcnQ=", "shorter than 32 bytes"),
        (&SECRET[..42], "shorter than 32 bytes"),
        ("this is not base64, however long it may be, is it?", "not base64"),
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "not random: it repeats itself"),
        ("changeme-changeme-changeme-changeme-changeme", "not random: it repeats itself"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "not random: it repeats itself"),
        ("AAECAwQFBgcICQoLDA0OAAECAwQFBgcICQoLDA0OAAE=", "not random: it repeats itself"),
    ] {
        write_secret(&file, text, 0o600);
        let line = refused();
        assert!(line.starts_with(&format!("{name}: the master secret is {expected}; write ")), "{line}");
        assert!(!line.contains('\n') && (text.is_empty() || !line.contains(text)), "{line}");
    }
    for open in [0o640, 0o604, 0o620, 0o601, 0o777] {
        write_secret(&file, SECRET, open);
        let expected = format!("{name}: others can read the master secret (mode {open:04o}); run `chmod 600 {name}`");
        assert_eq!(refused(), expected);
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(refused(), format!("{name}: the master secret is not a file; write the path of a file"));
}

#[test]
fn a_data_folder_that_cannot_be_used_is_refused_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    fs::write(&file, "").unwrap();
    for unusable in [file.as_path(), Path::new("/proc/tokenlife"), &file.join("below")] {
        let error = MasterSecret::load_or_create(&MasterSecretSource::DataFolder, unusable).unwrap_err();
        assert_eq!(error.lines().len(), 1);
        let line = error.to_string();
        assert!(line.starts_with(&format!("{}: the data folder ", unusable.display())), "{line}");
        assert!(line.contains("set [app.data] dir to another folder"), "{line}");
        assert_eq!(DataConfig { dir: unusable.to_owned() }.prepare(), Err(error));
    }
}
