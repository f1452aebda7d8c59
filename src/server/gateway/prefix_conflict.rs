//! A prefix must not hide a page or a server function.

/// The first of `paths`, in the router's notation, that is at or below `prefix`.
#[must_use]
pub fn hidden_by<'a>(prefix: &str, paths: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    paths.into_iter().find(|path| may_lie_below(path, prefix))
}

/// Whether a path that the router's route matches may be `prefix` or below it.
fn may_lie_below(route: &str, prefix: &str) -> bool {
    let mut route = route.split('/').filter(|segment| !segment.is_empty());
    let mut prefix = prefix.split('/').filter(|segment| !segment.is_empty());
    loop {
        match (prefix.next(), route.next()) {
            (None, _) => return true,
            (Some(_), Some(rest)) if rest.starts_with("{*") || rest.starts_with('*') => return true,
            (Some(_), Some(any)) if any.starts_with('{') || any.starts_with(':') => {}
            (Some(wanted), Some(literal)) if wanted == literal => {}
            (Some(_), _) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::hidden_by;

    const PAGES: [&str; 5] = ["/", "/login", "/account/sessions", "/docs/{page}/edit", "/wiki/{*rest}"];

    #[test]
    fn a_prefix_hides_what_lies_below_it() {
        for (prefix, hidden) in [
            ("/login", "/login"),
            ("/account", "/account/sessions"),
            ("/account/sessions", "/account/sessions"),
            ("/docs", "/docs/{page}/edit"),
            ("/docs/intro", "/docs/{page}/edit"),
            ("/docs/intro/edit", "/docs/{page}/edit"),
            ("/wiki/a/b/c", "/wiki/{*rest}"),
        ] {
            assert_eq!(hidden_by(prefix, PAGES), Some(hidden), "{prefix}");
        }
    }

    #[test]
    fn a_prefix_beside_the_pages_hides_nothing() {
        for prefix in ["/api/notes", "/log", "/login/x", "/account/files", "/docs/intro/show", "/wiki2"] {
            assert_eq!(hidden_by(prefix, PAGES), None, "{prefix}");
        }
    }
}
