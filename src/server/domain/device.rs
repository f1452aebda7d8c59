//! The browser and system of a sign-in, from the `User-Agent` header.
//!
//! The header may contain anything, so nothing of it is shown: the names are those of the parser's own list.

use woothee::parser::Parser;

/// A browser and its operating system, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Device {
    pub browser: Option<&'static str>,
    pub system: Option<&'static str>,
}

impl Device {
    #[must_use]
    pub fn of(user_agent: &str) -> Self {
        let Some(found) = Parser::new().parse(user_agent) else { return Self::default() };
        Self { browser: browser(found.name, found.version), system: system(found.os) }
    }
}

/// The common name of the browser. Another client has its own name, if that is informative.
fn browser(name: &str, version: &str) -> Option<&'static str> {
    match (name, version) {
        ("Chrome", _) => Some("Chrome"),
        ("Edge", _) => Some("Edge"),
        ("Firefox", _) => Some("Firefox"),
        ("Google Search App", _) => Some("Google app"),
        ("Internet Explorer", _) => Some("Internet Explorer"),
        ("Opera", _) => Some("Opera"),
        ("Safari", _) => Some("Safari"),
        ("SamsungBrowser", _) => Some("Samsung Internet"),
        ("Vivaldi", _) => Some("Vivaldi"),
        ("Webview", _) => Some("An app"),
        ("Yandex Browser", _) => Some("Yandex Browser"),
        ("HTTP Library", "curl") => Some("curl"),
        ("HTTP Library", "wget") => Some("Wget"),
        _ => None,
    }
}

/// The system without its version, which browsers no longer report: Windows 11 reports itself as 10.
fn system(name: &str) -> Option<&'static str> {
    match name {
        "Android" => Some("Android"),
        "BSD" => Some("BSD"),
        "ChromeOS" => Some("ChromeOS"),
        "iOS" => Some("iOS"),
        "iPad" => Some("iPad"),
        "iPhone" => Some("iPhone"),
        "iPod" => Some("iPod"),
        "Linux" => Some("Linux"),
        "Mac OSX" | "Mac OS Classic" => Some("macOS"),
        windows if windows.starts_with("Windows") => Some("Windows"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn current_browsers_are_known() {
        let mozilla = "Mozilla/5.0";
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        let apple = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
        for (user_agent, browser, system) in [
            (
                format!("{mozilla} (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"),
                "Firefox",
                "Windows",
            ),
            (format!("{mozilla} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), "Firefox", "Linux"),
            (format!("{mozilla} (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0"), "Firefox", "Android"),
            (
                format!("{mozilla} (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0"),
                "Firefox",
                "macOS",
            ),
            (
                format!(
                    "{mozilla} (iPhone; CPU iPhone OS 18_1 like Mac OS X) {apple} FxiOS/145.0 Mobile/15E148 Safari/605.1.15"
                ),
                "Firefox",
                "iPhone",
            ),
            (
                format!("{mozilla} (Windows NT 10.0; Win64; x64) {webkit} Chrome/142.0.0.0 Safari/537.36"),
                "Chrome",
                "Windows",
            ),
            (
                format!("{mozilla} (X11; CrOS x86_64 14541.0.0) {webkit} Chrome/142.0.0.0 Safari/537.36"),
                "Chrome",
                "ChromeOS",
            ),
            (
                format!("{mozilla} (Linux; Android 10; K) {webkit} Chrome/142.0.0.0 Mobile Safari/537.36"),
                "Chrome",
                "Android",
            ),
            (
                format!(
                    "{mozilla} (iPad; CPU OS 18_1 like Mac OS X) {apple} CriOS/142.0.0.0 Mobile/15E148 Safari/604.1"
                ),
                "Chrome",
                "iPad",
            ),
            (
                format!(
                    "{mozilla} (Windows NT 10.0; Win64; x64) {webkit} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
                ),
                "Edge",
                "Windows",
            ),
            (
                format!("{mozilla} (Macintosh; Intel Mac OS X 10_15_7) {apple} Version/26.0 Safari/605.1.15"),
                "Safari",
                "macOS",
            ),
            (
                format!(
                    "{mozilla} (iPhone; CPU iPhone OS 18_6 like Mac OS X) {apple} Version/26.0 Mobile/15E148 Safari/604.1"
                ),
                "Safari",
                "iPhone",
            ),
            (
                format!("{mozilla} (X11; Linux x86_64) {webkit} Chrome/140.0.0.0 Safari/537.36 OPR/124.0.0.0"),
                "Opera",
                "Linux",
            ),
            (
                format!("{mozilla} (X11; Linux x86_64) {webkit} Chrome/142.0.0.0 Safari/537.36 Vivaldi/7.6"),
                "Vivaldi",
                "Linux",
            ),
            (
                format!(
                    "{mozilla} (Linux; Android 14; SAMSUNG SM-S911B) {webkit} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"
                ),
                "Samsung Internet",
                "Android",
            ),
        ] {
            assert_eq!(
                Device::of(&user_agent),
                Device { browser: Some(browser), system: Some(system) },
                "{user_agent}"
            );
        }
        assert_eq!(Device::of("curl/8.11.0"), Device { browser: Some("curl"), system: None });
    }

    #[test]
    fn nothing_that_was_sent_is_shown() {
        let long = "Chrome/".repeat(100_000);
        for user_agent in ["", "-", "<script>", "Browser \u{202e}1.0 'quoted' \"twice\"; DROP TABLE users", "\0", &long]
        {
            assert_eq!(Device::of(user_agent), Device::default(), "{user_agent:.40}");
        }
        assert_eq!(Device::of("Googlebot-Image/1.0").browser, None);
    }
}
