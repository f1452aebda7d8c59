//! The server and its command line. The browser does not run this: it loads the library, which hydrates the page.

#[cfg(feature = "ssr")]
fn main() -> std::process::ExitCode {
    tokenlife::server::boot::main()
}

#[cfg(not(feature = "ssr"))]
fn main() {}
