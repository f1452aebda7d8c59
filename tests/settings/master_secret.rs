//! Where the master secret comes from, and which ones are refused.

use super::{SECRET, load, write_secret};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};
use tokenlife::server::config::{DataConfig, MasterSecret, MasterSecretSource, MasterSecrets, SecretSource};

#[test]
fn the_first_start_makes_a_secret_and_the_next_one_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("deep/data");
    let file = data.join(MasterSecrets::FILE_NAME);
    assert_eq!(MasterSecrets::load(&MasterSecretSource::DataFolder, &data).unwrap(), None);
    assert!(!data.exists(), "looking makes nothing");

    let (made, origin) = MasterSecrets::load_or_create(&MasterSecretSource::DataFolder, &data).unwrap();
    assert_eq!(origin, SecretSource::Generated(file.clone()));
    let versions: Vec<(u8, usize)> = made.iter().map(|(version, secret)| (version, secret.len())).collect();
    assert_eq!(versions, [(1, MasterSecret::MIN_BYTES)]);
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&data), 0o700);
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no scratch files are left");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.len() == 44 && text.ends_with('\n'));

    let (found, origin) = MasterSecrets::load_or_create(&MasterSecretSource::DataFolder, &data).unwrap();
    assert_eq!((found, origin), (made, SecretSource::File(file)));
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
        let found: Vec<(MasterSecrets, SecretSource)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        MasterSecrets::load_or_create(&MasterSecretSource::DataFolder, &data).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(found.iter().all(|(secret, _)| *secret == found[0].0));
        assert_eq!(found.iter().filter(|(_, origin)| matches!(origin, SecretSource::Generated(_))).count(), 1);
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
    }
}

#[test]
fn a_secret_of_the_operators_is_taken_in_either_alphabet() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    write_secret(&file, &format!("{SECRET}\n"), 0o400);
    let source = MasterSecretSource::File(file.clone());
    let (secret, origin) = MasterSecrets::load_or_create(&source, folder.path()).unwrap();
    assert_eq!(origin, SecretSource::File(file));

    let url_safe = SECRET.replace('+', "-").replace('/', "_").replace('=', "");
    let config =
        load("", &[("TOKENLIFE__AUTH__MASTER_SECRET", &url_safe), ("TOKENLIFE__AUTH__MASTER_SECRET_FILE", "x")]);
    let given = MasterSecrets::load_or_create(&config.unwrap().auth.master_secret, folder.path()).unwrap();
    assert_eq!(given, (secret, SecretSource::Variable), "the variable goes before the file");
}

#[test]
fn a_weak_or_open_secret_is_refused_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let name = file.display().to_string();
    let source = MasterSecretSource::File(file.clone());
    let refused = || MasterSecrets::load_or_create(&source, folder.path()).unwrap_err().to_string();

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
        let error = MasterSecrets::load_or_create(&MasterSecretSource::DataFolder, unusable).unwrap_err();
        assert_eq!(error.lines().len(), 1);
        let line = error.to_string();
        assert!(line.starts_with(&format!("{}: the data folder ", unusable.display())), "{line}");
        assert!(line.contains("set [app.data] dir to another folder"), "{line}");
        assert_eq!(DataConfig { dir: unusable.to_owned() }.prepare(), Err(error));
    }
}

/// Another secret, used nowhere else.
const SECOND: &str = "zDKlI0oVvVY8NoRMj1yqNgnSwVSbqwsCeoKwdQY8xGM=";

fn versions(secrets: &MasterSecrets) -> Vec<u8> {
    secrets.iter().map(|(version, _)| version).collect()
}

#[test]
fn several_versions_stand_one_after_the_other_and_the_first_one_makes() {
    let alone: MasterSecrets = SECRET.parse().unwrap();
    assert_eq!((versions(&alone), alone.primary(), alone.to_string()), (vec![1], 1, "version 1".to_owned()));
    assert_eq!(format!("1:{SECRET}").parse(), Ok(alone.clone()));
    for (text, expected, words) in [
        (format!("2:{SECOND}\n1:{SECRET}\n"), vec![2, 1], "version 2 makes, also known: 1"),
        (format!("2:{SECOND}\n{SECRET}\n"), vec![2, 1], "version 2 makes, also known: 1"),
        (format!("1:{SECRET}, 7:{SECOND}"), vec![1, 7], "version 1 makes, also known: 7"),
        (format!(" 255:{SECOND} \r\n\r\n"), vec![255], "version 255"),
    ] {
        let secrets: MasterSecrets = text.parse().unwrap();
        assert_eq!((versions(&secrets), secrets.to_string().as_str()), (expected, words));
        assert!(!secrets.has(3) && secrets.has(secrets.primary()));
    }
    let both: MasterSecrets = format!("2:{SECOND} 1:{SECRET}").parse().unwrap();
    let shown = format!("{both:?}");
    assert!(!shown.contains(&SECRET[..8]) && !shown.contains(&SECOND[..8]), "{shown}");
}

#[test]
fn versions_that_make_no_sense_are_refused_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let source = MasterSecretSource::File(file.clone());
    for (text, expected) in [
        (format!("0:{SECRET}"), "has a version that is no number from 1 to 255"),
        (format!("256:{SECRET}"), "has a version that is no number from 1 to 255"),
        (format!("-1:{SECRET}"), "has a version that is no number from 1 to 255"),
        (format!("v2:{SECRET}"), "has a version that is no number from 1 to 255"),
        (format!(":{SECRET}"), "has a version that is no number from 1 to 255"),
        (format!("2:{SECRET} 2:{SECOND}"), "tells version 2 twice"),
        (format!("{SECRET} 1:{SECOND}"), "tells version 1 twice"),
        (format!("2:{SECRET} 1:{SECRET}"), "is the same in the versions 2 and 1"),
        (format!("2:{SECRET} 1:c2hvcnQ="), "of version 1 is shorter than 32 bytes"),
        (format!("2:! 1:{SECRET}"), "of version 2 is not base64"),
        (format!("2: 1:{SECRET}"), "of version 2 is shorter than 32 bytes"),
        (format!("{SECRET}\n{SECOND}"), "is not base64"),
    ] {
        write_secret(&file, &text, 0o600);
        let error = MasterSecrets::load_or_create(&source, folder.path()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: the master secret {expected}; write ", file.display())), "{error}");
        assert!(!error.contains('\n') && !error.contains(&SECRET[..8]) && !error.contains(&SECOND[..8]), "{error}");
        let by_variable = load("", &[("TOKENLIFE__AUTH__MASTER_SECRET", &text)]).unwrap_err().to_string();
        assert!(by_variable.contains(&format!("the master secret {expected}; ")), "{by_variable}");
        assert!(!by_variable.contains(&SECRET[..8]) && !by_variable.contains(&SECOND[..8]), "{by_variable}");
    }
}

#[test]
fn a_new_version_is_made_in_one_step_or_in_two_and_an_old_one_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let (one, _) = MasterSecrets::load_or_create(&MasterSecretSource::DataFolder, folder.path()).unwrap();
    let two = one.rotated().unwrap();
    assert_eq!(versions(&two), [2, 1]);
    let standby = one.with_standby().unwrap();
    assert_eq!((versions(&standby), standby.primary()), (vec![1, 2], 1));
    let turned = standby.rotated().unwrap();
    assert_eq!(versions(&turned), [2, 1]);
    assert_eq!(turned.iter().last(), one.iter().next(), "the old secret is still there");
    assert_eq!(versions(&turned.rotated().unwrap()), [3, 2, 1]);
    assert_eq!((versions(&turned.without(1)), versions(&turned.without(2))), (vec![2], vec![2, 1]));
    let many = (1..16).try_fold(one.clone(), |secrets, _| secrets.rotated()).unwrap();
    assert!(many.rotated().is_none() && many.with_standby().is_none());

    let file = folder.path().join(MasterSecrets::FILE_NAME);
    for secrets in [&two, &turned, &one] {
        secrets.replace(&file).unwrap();
        let (read, _) = MasterSecrets::load(&MasterSecretSource::DataFolder, folder.path()).unwrap().unwrap();
        assert_eq!(&read, secrets);
        assert_eq!((mode(&file), fs::read_dir(folder.path()).unwrap().count()), (0o600, 1));
    }
    let error = one.replace(Path::new("/proc/nowhere/master.key")).unwrap_err();
    assert!(error.lines().len() == 1 && error.to_string().contains("cannot be replaced"), "{error}");
}
