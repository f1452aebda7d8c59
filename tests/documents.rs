//! The documents name files and functions that exist, and the README stays short.
//!
//! A path is written from the repository's root, in backticks or as a link; names in fenced code count as well.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const README_MAX_LINES: usize = 150;

/// A word that begins with one of these is a path.
const FOLDERS: [&str; 12] = [
    ".ci/",
    ".github/",
    "bench/",
    "deploy/",
    "docs/",
    "end2end/",
    "examples/",
    "public/",
    "script/",
    "src/",
    "style/",
    "tests/",
];

/// A single word in backticks that ends so is a path as well.
const ENDINGS: [&str; 7] = [".css", ".md", ".rs", ".sh", ".sql", ".toml", ".ts"];

/// What a recipe has its reader create.
const TO_CREATE: [&str; 5] = [
    "end2end/tests/about.spec.ts",
    "end2end/tests/motto.spec.ts",
    "src/pages/about_page.rs",
    "src/server/service/passkeys.rs",
    "tests/http/motto.rs",
];

/// A document, with its path from the root.
struct Document {
    path: PathBuf,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<Document> {
    let mut paths = vec![PathBuf::from("README.md"), PathBuf::from("CONTRIBUTING.md")];
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder") {
            let path = folder.join(entry.expect("an entry").file_name());
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                paths.push(path);
            }
        }
    }
    let read = |path: PathBuf| Document { text: fs::read_to_string(root().join(&path)).expect("a file"), path };
    paths.into_iter().map(read).collect()
}

/// The text outside of fenced code, and the fenced code.
fn prose_and_code(text: &str) -> (String, String) {
    let (mut prose, mut code, mut is_code) = (String::new(), String::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            continue;
        }
        let part = if is_code { &mut code } else { &mut prose };
        part.push_str(line);
        part.push('\n');
    }
    (prose, code)
}

/// The targets of links within the repository.
fn links(prose: &str) -> impl Iterator<Item = &str> {
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
}

/// The paths that prose names in backticks, and those in code.
fn paths_named(prose: &str, code: &str) -> BTreeSet<String> {
    let spans: Vec<&str> = prose.split('`').skip(1).step_by(2).collect();
    let files = spans.iter().copied().filter(|span| {
        let is_word = !span.starts_with('*') && !span.contains(char::is_whitespace);
        is_word && ENDINGS.iter().any(|ending| span.ends_with(ending))
    });
    let words = spans.iter().copied().chain([code]).flat_map(str::split_whitespace);
    let words = words.map(|word| word.trim_matches(|c: char| !(c.is_alphanumeric() || "./*".contains(c))));
    let below_folders = words.filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)));
    files.chain(below_folders).map(str::to_owned).collect()
}

/// The part of a path before the first pattern: of `end2end/tests/notes*.spec.ts` the folder.
fn without_pattern(path: &str) -> PathBuf {
    Path::new(path).iter().take_while(|part| !part.to_string_lossy().contains(['*', '…', '<', '{'])).collect()
}

/// The fragment by which a link reaches a heading, as GitHub derives it.
fn fragment_of(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_path_that_a_document_names_exists() {
    let mut missing = BTreeSet::new();
    let mut to_create = BTreeSet::from(TO_CREATE);
    for Document { path, text } in documents() {
        let (prose, code) = prose_and_code(&text);
        for named in paths_named(&prose, &code) {
            if TO_CREATE.contains(&named.as_str()) {
                to_create.remove(named.as_str());
            } else if !root().join(without_pattern(&named)).exists() {
                missing.insert(format!("{}: {named}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "these do not exist: {missing:#?}");
    assert!(to_create.is_empty(), "no recipe creates these any more: {to_create:?}");
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut broken = BTreeSet::new();
    for Document { path, text } in documents() {
        let (prose, _) = prose_and_code(&text);
        for link in links(&prose) {
            let (target, fragment) = link.split_once('#').unwrap_or((link, ""));
            let folder = path.parent().expect("a document is a file");
            let target = if target.is_empty() { path.clone() } else { folder.join(target) };
            let headings = || {
                let text = fs::read_to_string(root().join(&target)).unwrap_or_default();
                let (prose, _) = prose_and_code(&text);
                prose.lines().filter(|line| line.starts_with('#')).any(|line| {
                    let heading = line.trim_start_matches('#');
                    fragment_of(heading) == fragment
                })
            };
            if !root().join(&target).exists() || !(fragment.is_empty() || headings()) {
                broken.insert(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "these links lead nowhere: {broken:#?}");
}

/// Names such as `Sessions::refresh`, of functions and fields.
#[test]
fn every_function_of_the_walkthroughs_exists() {
    let mut source = String::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                source += &fs::read_to_string(path).expect("a file");
            }
        }
    }
    let text = fs::read_to_string(root().join("docs/walkthrough.md")).expect("a file");
    let names = text.split('`').skip(1).step_by(2).filter_map(|span| span.rsplit_once("::"));
    for (owner, name) in names {
        let is_there =
            [format!("fn {name}("), format!("fn {name}<"), format!("pub {name}:")].iter().any(|it| source.contains(it));
        assert!(is_there, "docs/walkthrough.md names {owner}::{name}, which is not in src");
    }
}

#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(root().join("README.md")).expect("a file").lines().count();
    assert!(lines <= README_MAX_LINES, "README.md has {lines} lines; move something to docs/");
}

#[test]
fn the_reader_of_documents_finds_paths() {
    let text =
        "See `src/lib.rs`, `build.rs`, `a.b` and [it](docs/x.md#y).\n```sh\nscript/test fast  # tests/http/*.rs\n```\n";
    let (prose, code) = prose_and_code(text);
    let expected = ["build.rs", "script/test", "src/lib.rs", "tests/http/*.rs"].map(str::to_owned);
    assert_eq!(paths_named(&prose, &code), BTreeSet::from(expected));
    assert_eq!(links(&prose).collect::<Vec<_>>(), ["docs/x.md#y"]);
    assert_eq!(without_pattern("tests/http/*.rs"), Path::new("tests/http"));
    assert_eq!(fragment_of(" A service that verifies our tokens"), "a-service-that-verifies-our-tokens");
}
