//! The application behind nginx: cookies, addresses, addresses of pages.

use super::{
    application::Application,
    client::{ADDRESS, Answer, Client},
    own_address,
    proxy::Proxy,
};
use axum::body::Body;
use hyper::header;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

const FORM: &str = "application/x-www-form-urlencoded";

/// Somebody new, who also says where they come from.
pub async fn sign_up(client: &Client) -> Answer {
    let form = "email=robin%40example.com&display_name=Robin&password=vermilion+otter+juggles";
    let request = Client::request("POST", "/api/account/sign_up")
        .header(header::CONTENT_TYPE, FORM)
        .header(header::ORIGIN, "https://app.example.com")
        .header(header::ACCEPT, "text/html")
        .header("x-forwarded-for", "203.0.113.9")
        .header("forwarded", "for=203.0.113.9")
        .body(Body::from(form));
    client.ask(request.unwrap()).await
}

/// The names of the cookies that an answer sets, and whether all of them are for https only.
pub fn cookies_of(answer: &Answer) -> (Vec<String>, String) {
    let lines: Vec<&str> =
        answer.headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
    assert!(lines.iter().all(|line| line.contains("; Secure")), "{lines:?}");
    let pairs: Vec<&str> = lines.iter().map(|line| line.split(';').next().unwrap()).collect();
    let mut names: Vec<String> = pairs.iter().map(|pair| pair.split('=').next().unwrap().to_owned()).collect();
    names.sort();
    (names, pairs.join("; "))
}

#[tokio::test]
#[ignore = "needs nginx; script/test runs it"]
async fn somebody_signs_up_and_stays_signed_in() {
    let application = Application::before(own_address()).await;
    let proxy = Proxy::before(&[application.address]).await;
    let client = proxy.client();
    let signed_up = sign_up(&client).await.assert_status(303);
    assert_eq!(signed_up.headers[header::LOCATION], "/account");
    let (names, cookies) = cookies_of(&signed_up);
    assert_eq!(names, ["__Host-Http-accessToken", "__Host-Http-refreshToken", "__Host-tokenLife"]);

    let page = Client::request("GET", "/account").header(header::COOKIE, &cookies).body(Body::empty());
    let page = client.ask(page.unwrap()).await.assert_status(200);
    assert!(page.body.contains("robin@example.com"));
    assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
    assert!(page.headers[header::STRICT_TRANSPORT_SECURITY].to_str().unwrap().starts_with("max-age="));
    assert_eq!(page.headers.get_all(header::STRICT_TRANSPORT_SECURITY).iter().count(), 1);

    // The refresh token alone is enough for a page, and the new cookies arrive.
    let refresh_token = cookies.split("; ").find(|pair| pair.starts_with("__Host-Http-refreshToken=")).unwrap();
    let later = Client::request("GET", "/account").header(header::COOKIE, refresh_token).body(Body::empty());
    let later = client.ask(later.unwrap()).await.assert_status(200);
    assert_eq!(cookies_of(&later).0, names);

    let options = SqliteConnectOptions::new().filename(application.database()).read_only(true);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    let address: String = sqlx::query_scalar("SELECT address FROM sessions").fetch_one(&mut database).await.unwrap();
    assert_eq!(address, ADDRESS, "the address of the client, neither nginx's nor what the client says");
}

#[tokio::test]
#[ignore = "needs nginx; script/test runs it"]
async fn another_site_and_a_private_page_are_refused_as_without_nginx() {
    let application = Application::before(own_address()).await;
    let proxy = Proxy::before(&[application.address]).await;
    let client = proxy.client();
    let elsewhere = Client::request("POST", "/api/session/login")
        .header(header::CONTENT_TYPE, FORM)
        .header(header::ORIGIN, "https://evil.example")
        .body(Body::from("email=a%40b.example&password=x"));
    client.ask(elsewhere.unwrap()).await.assert_status(403);
    let turned_away = client.get("/account").await.assert_status(303);
    assert_eq!(turned_away.headers[header::LOCATION], "/login");
    let by_http2 = client.get_by_http2("/login").await.assert_status(200);
    assert!(by_http2.body.contains("Sign in"));
    assert_eq!(by_http2.headers[header::SERVER], "nginx", "without its version");
}
