//! A device in words.

use crate::model::Device;

/// `Firefox on Windows`, or as much of it as is known.
#[must_use]
pub fn device_name(device: &Device) -> String {
    match (&device.browser, &device.system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.clone(),
        (None, Some(system)) => format!("A browser on {system}"),
        (None, None) => "An unknown browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_parts_are_left_out() {
        let name = |browser: Option<&str>, system: Option<&str>| {
            device_name(&Device { browser: browser.map(str::to_owned), system: system.map(str::to_owned) })
        };
        assert_eq!(name(Some("Firefox"), Some("Windows")), "Firefox on Windows");
        assert_eq!(name(Some("curl"), None), "curl");
        assert_eq!(name(None, Some("Linux")), "A browser on Linux");
        assert_eq!(name(None, None), "An unknown browser");
    }
}
