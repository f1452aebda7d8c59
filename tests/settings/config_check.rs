//! `tokenlife config check`.

use super::{SECRET, SITE, environment, load, shipped, write_secret};
use std::{fs, path::Path};
use tokenlife::server::{
    boot::commands::settings::config_check,
    config::{Config, MasterSecrets},
};

#[test]
fn config_check_prints_what_is_in_effect() {
    let data = tempfile::tempdir().unwrap();
    let variables = environment(&[
        ("TOKENLIFE__AUTH__MASTER_SECRET", SECRET),
        ("TOKENLIFE__DATA__DIR", data.path().to_str().unwrap()),
        ("TOKENLIFE__HTTP__TRUSTED_PROXIES", "10.0.0.0/8,127.0.0.1"),
    ]);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    config_check(&shipped("Leptos.toml"), &variables, &mut out, &mut err).unwrap();
    let (out, err) = (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap());
    assert_eq!(err, "");
    assert!(out.contains("# Master secret: version 1, from TOKENLIFE__AUTH__MASTER_SECRET\n"), "{out}");
    assert!(!out.contains(&SECRET[..8]), "{out}");
    assert!(out.contains("# TOKENLIFE__HTTP__TRUSTED_PROXIES\n"), "{out}");

    // What it prints can be read again and means the same.
    let printed = load(&out, &[("TOKENLIFE__AUTH__MASTER_SECRET", SECRET)]).unwrap();
    assert_eq!(printed, Config::load_from(&shipped("Leptos.toml"), &variables).unwrap());
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0, "nothing is made");
}

#[test]
fn config_check_prints_every_problem_in_one_line() {
    let data = tempfile::tempdir().unwrap();
    write_secret(&data.path().join(MasterSecrets::FILE_NAME), SECRET, 0o644);
    let check = |path: &Path, variables: &[(&str, &str)]| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = config_check(path, &environment(variables), &mut out, &mut err).unwrap();
        assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::FAILURE));
        assert!(out.is_empty());
        String::from_utf8(err).unwrap()
    };
    let open = check(&shipped("Leptos.toml"), &[("TOKENLIFE__DATA__DIR", data.path().to_str().unwrap())]);
    assert!(open.lines().count() == 1 && open.contains("others can read the master secret (mode 0644)"), "{open}");

    let two = [("TOKENLIFE__AUTH__ACCESS_TTL", "soon"), ("TOKENLIFE__LOG__FORMAT", "xml")];
    assert_eq!(check(&shipped("Leptos.toml"), &two).lines().count(), 2);

    let broken = data.path().join("broken.toml");
    fs::write(&broken, format!("{SITE}[app.http\n")).unwrap();
    assert_eq!(
        check(&broken, &[]),
        format!(
            "{}:3: not TOML: unclosed table, expected `]`; see https://toml.io for how it is written\n",
            broken.display()
        )
    );

    let hiding = data.path().join("hiding.toml");
    let route = "[[app.gateway.route]]\nprefix = \"/login\"\nupstream = \"http://127.0.0.1:4000\"\ntoken = \"user\"\n";
    fs::write(&hiding, format!("{SITE}{route}")).unwrap();
    let hiding = check(&hiding, &[("TOKENLIFE__AUTH__MASTER_SECRET", SECRET)]);
    assert!(hiding.lines().count() == 1 && hiding.contains("prefix /login would hide /login"), "{hiding}");

    let missing = check(&data.path().join("Leptos.toml"), &[]);
    assert!(missing.lines().count() == 1 && missing.contains("pass --config"), "{missing}");
}
