//! The command that looks at the settings.

use crate::server::{
    boot::start::{self, StartError},
    config::{Config, ConfigError, Environment, MasterSecrets, SecretSource, Setting, leptos_options},
};
use std::{
    fmt::Write as _,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

/// `tokenlife config check`: the settings in effect on `out`, or the problems on `err`, one line each.
///
/// The master secret is looked at too, but not made.
///
/// # Errors
///
/// Nothing can be written to `out` or `err`.
pub fn config_check(
    path: &Path,
    environment: &Environment,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<ExitCode> {
    match check(path, environment) {
        Ok(text) => out.write_all(text.as_bytes()).map(|()| ExitCode::SUCCESS),
        Err(problems) => {
            for problem in problems {
                writeln!(err, "{problem}")?;
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn check(path: &Path, environment: &Environment) -> Result<String, Vec<String>> {
    let mut problems = Vec::new();
    // A missing file is everybody's problem, but one line.
    let mut note = |error: ConfigError| {
        for line in error.lines() {
            if !problems.contains(line) {
                problems.push(line.clone());
            }
        }
    };
    let site = leptos_options(path).map_err(&mut note).ok();
    let app = Config::explain(path, environment).map_err(&mut note).ok();
    let secret = app.as_ref().and_then(|(config, _)| {
        MasterSecrets::load(&config.auth.master_secret, &config.data.dir).map_err(&mut note).ok()
    });
    let clash = app.as_ref().and_then(|(config, _)| start::refuse_prefix_conflicts(config).err());
    problems.extend(clash.iter().flat_map(StartError::lines));
    let (Some(site), Some((config, settings)), Some(secret), None) = (site, app, secret, clash) else {
        return Err(problems);
    };

    let mut text = format!("# Settings OK. In effect:\n\n# Listening on {}", site.site_addr);
    let _ = writeln!(text, ", for people to open {}", config.http.public_url);
    let _ = writeln!(text, "# Master secret: {}", secret_in_words(secret.as_ref(), &config));
    render(&settings, &mut text);
    Ok(text)
}

fn secret_in_words(secret: Option<&(MasterSecrets, SecretSource)>, config: &Config) -> String {
    match secret {
        Some((secrets, SecretSource::Variable)) => format!("{secrets}, from TOKENLIFE__AUTH__MASTER_SECRET"),
        Some((secrets, SecretSource::File(path) | SecretSource::Generated(path))) => {
            format!("{secrets}, from {}", path.display())
        }
        None => format!("the first start makes {}", config.data.dir.join(MasterSecrets::FILE_NAME).display()),
    }
}

/// The settings as they would be written in the file, each with the place it comes from.
fn render(settings: &[Setting], text: &mut String) {
    let mut table = ("", None);
    for setting in settings {
        if (setting.section, setting.item) != table {
            table = (setting.section, setting.item);
            let section = setting.section;
            let header = if setting.item.is_some() { format!("[[app.{section}]]") } else { format!("[app.{section}]") };
            let _ = writeln!(text, "\n{header}");
        }
        let line = match &setting.value {
            Some(value) => format!("{} = {value}", setting.key),
            None => format!("# {} is not set", setting.key),
        };
        let _ = writeln!(text, "{line:<44} # {}", setting.source);
    }
}
