//! Access tokens that were not issued here: whatever is wrong with one, it counts as none.

use crate::support::{
    TestApp,
    browser::ALL_COOKIES,
    forger::{Forger, Parts, with},
};
use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    hmac,
    signature::KeyPair as _,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use tokenlife::paths::{ACCOUNT, LOGIN, api};

/// Tokens that only an attacker has, each with the reason why it is invalid.
#[expect(clippy::too_many_lines, reason = "a list")]
pub async fn forgeries(app: &TestApp, genuine: &str) -> Vec<(String, String)> {
    let (ours, theirs) = (Forger::with_our_key(app).await, Forger::with_their_own_key());
    let Parts { header, claims, signed, signature } = Parts::of(genuine);
    assert!(
        app.state.sessions.authenticate(&ours.sign(&header, &claims)).await.is_ok(),
        "the forger can write tokens that hold"
    );
    let mut found: Vec<(String, String)> = Vec::new();
    let mut add = |what: String, token: String| found.push((what, token));

    let unsigned = |alg: &str| {
        format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(with(&header, json!({"alg": alg})).to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        )
    };
    for alg in ["none", "None", "nOnE", "NONE", ""] {
        add(format!("alg {alg:?}, unsigned"), unsigned(alg));
        add(format!("alg {alg:?}, signed"), ours.sign(&with(&header, json!({"alg": alg})), &claims));
    }
    let spki: PublicKeyX509Der<'_> = ours.0.public_key().as_der().expect("DER");
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(spki.as_ref()));
    for (what, secret) in
        [("raw", ours.public_key()), ("DER", spki.as_ref().to_vec()), ("PEM", pem.into_bytes()), ("empty", Vec::new())]
    {
        for (alg, algorithm) in [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512)] {
            let text = unsigned(alg);
            let tag = hmac::sign(&hmac::Key::new(algorithm, &secret), text.trim_end_matches('.').as_bytes());
            add(format!("{alg} under our public key, {what}"), text + &URL_SAFE_NO_PAD.encode(tag));
        }
    }
    for alg in ["ES256", "RS256", "PS256", "Ed448", "eddsa", "EDDSA"] {
        add(format!("alg {alg}"), ours.sign(&with(&header, json!({"alg": alg})), &claims));
    }
    let jwk =
        json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(theirs.public_key()), "kid": header["kid"]});
    let x5c = json!([STANDARD.encode(theirs.public_key())]);
    for (what, change) in [
        ("another key", json!({})),
        ("jwk", json!({"jwk": jwk})),
        ("jku", json!({"jku": "https://evil.example/jwks.json"})),
        ("x5u", json!({"x5u": "https://evil.example/cert.pem"})),
        ("x5c", json!({"x5c": x5c})),
        ("no kid", json!({"kid": null, "jwk": jwk})),
    ] {
        add(format!("their own key, {what}"), theirs.sign(&with(&header, change), &claims));
    }
    for kid in [
        json!(null),
        json!(""),
        json!("web"),
        json!("../../dev/null"),
        json!("' OR 1=1 --"),
        json!("x".repeat(2000)),
        json!(1),
        json!(["a"]),
        json!("\u{0}"),
    ] {
        let what = format!("kid {}", kid.to_string().chars().take(20).collect::<String>());
        add(what, ours.sign(&with(&header, json!({"kid": kid})), &claims));
    }
    for change in [
        json!({"typ": null}),
        json!({"typ": "JWT"}),
        json!({"typ": "id+jwt"}),
        json!({"typ": "logout+jwt"}),
        json!({"typ": "dpop+jwt"}),
        json!({"typ": 1}),
        json!({"crit": ["exp"]}),
        json!({"crit": ["b64"], "b64": false}),
        json!({"crit": []}),
        json!({"crit": ["x"], "x": 1}),
        json!({"alg": null}),
        json!({"alg": 1}),
    ] {
        add(format!("header {change}"), ours.sign(&with(&header, change), &claims));
    }
    let now = app.now().as_seconds();
    for name in ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "client_id", "sid", "gen", "auth_time"] {
        add(format!("no {name}"), ours.sign(&header, &with(&claims, json!({name: null}))));
    }
    for change in [
        json!({"iss": "https://evil.example"}),
        json!({"iss": format!("{}/", app.origin)}),
        json!({"iss": [app.origin, "https://evil.example"]}),
        json!({"iss": ""}),
        json!({"aud": "https://evil.example"}),
        json!({"aud": ["https://evil.example", app.origin]}),
        json!({"aud": []}),
        json!({"aud": "web"}),
        json!({"exp": now}),
        json!({"exp": now - 1}),
        json!({"exp": 0}),
        json!({"exp": -1}),
        json!({"exp": now + 7200}),
        json!({"exp": i64::MAX}),
        json!({"exp": 1e300}),
        json!({"exp": 3600.5}),
        json!({"exp": (now + 3600).to_string()}),
        json!({"exp": u64::MAX}),
        json!({"exp": true}),
        json!({"nbf": now + 61}),
        json!({"nbf": i64::MAX}),
        json!({"iat": now + 61}),
        json!({"iat": i64::MAX}),
        json!({"iat": i64::MIN}),
        json!({"iat": "x"}),
        json!({"gen": -1}),
        json!({"gen": 4_294_967_296_i64}),
        json!({"gen": "1"}),
        json!({"sub": "ada"}),
        json!({"sub": 1}),
        json!({"sid": ""}),
        json!({"sid": {"id": claims["sid"]}}),
        json!({"jti": 7}),
    ] {
        add(format!("claims {change}"), ours.sign(&header, &with(&claims, change)));
    }
    let doubled = |object: &Value, first: &str| format!("{{{first},{}", &object.to_string()[1..]);
    add(
        "sub twice".into(),
        ours.sign_text(&header.to_string(), &doubled(&claims, r#""sub":"00000000-0000-0000-0000-000000000000""#)),
    );
    add("exp twice".into(), ours.sign_text(&header.to_string(), &doubled(&claims, r#""exp":9999999999"#)));
    add("alg twice".into(), ours.sign_text(&doubled(&header, r#""alg":"none""#), &claims.to_string()));
    for (what, claims) in
        [("a list", "[]"), ("no JSON", "sub=ada"), ("empty", ""), ("null", "null"), ("deep", &"[".repeat(1000))]
    {
        add(format!("claims are {what}"), ours.sign_text(&header.to_string(), claims));
    }
    let altered = |signature: String| format!("{signed}.{signature}");
    add("no signature".into(), altered(String::new()));
    add("half a signature".into(), altered(signature[..43].to_owned()));
    add("padded".into(), altered(format!("{signature}==")));
    add("with a line break".into(), format!("{genuine}%0a"));
    add("quoted inside".into(), format!("\"{genuine}"));
    add("standard base64".into(), altered(STANDARD.encode([0xfb; 64])));
    add("padded base64".into(), altered(URL_SAFE.encode([0; 64])));
    add("spare bits set".into(), altered(spare_bits_set(&signature)));
    add("two parts".into(), signed.clone());
    add("four parts".into(), format!("{genuine}.{signature}"));
    add("five parts, as JWE".into(), format!("{signed}.{signed}.{signature}"));
    add("only dots".into(), "..".into());
    add("ten kilobytes".into(), altered("A".repeat(10_000)));
    add("ten kilobytes of claims".into(), ours.sign(&header, &with(&claims, json!({"x": "x".repeat(7000)}))));
    found
}

/// The same bytes, encoded with other padding bits in the last base64 character.
fn spare_bits_set(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = text.split_at(text.len() - 1);
    let value = ALPHABET.iter().position(|byte| *byte == last.as_bytes()[0]).expect("a character of base64url");
    format!("{rest}{}", char::from(ALPHABET[value ^ 1]))
}

#[tokio::test]
async fn an_invalid_access_token_counts_as_none_and_the_refresh_token_replaces_it() {
    let app = TestApp::new().await;
    let ada = app.signed_in("ada").await;
    let forgeries = forgeries(&app, ada.cookie("accessToken").expect("an access token")).await;
    assert!(forgeries.len() > 100, "{}", forgeries.len());
    let mut refused: Option<String> = None;
    for (what, forged) in forgeries {
        assert!(app.state.sessions.authenticate(&forged).await.is_err(), "{what}");
        let mut browser = ada.clone();
        browser.set("accessToken", &forged);
        let call = browser.call(api::CURRENT, &[]).await.assert_status(401);
        assert_eq!(call.body, r#"{"code":"unauthenticated"}"#, "{what}");
        assert!(call.set_cookies().is_empty(), "{what}");
        assert_eq!(refused.get_or_insert(call.essence("")), &call.essence(""), "all alike: {what}");
        browser.call(api::CHANGE_DISPLAY_NAME, &[("display_name", "Eve")]).await.assert_status(401);

        let page = browser.get(ACCOUNT).await.assert_status(200).assert_shows(&ada.email);
        assert_eq!(page.issued(), ALL_COOKIES, "{what}");

        let mut alone = app.browser();
        alone.set("accessToken", &forged);
        assert_eq!(alone.call(api::CURRENT, &[]).await.assert_status(200).body, "null", "{what}");
        let page = alone.get(ACCOUNT).await.assert_leads_to(LOGIN);
        assert_eq!(page.deleted(), ["accessToken"], "{what}");
    }
    assert!(app.session(ada.session_id()).await.ended.is_none(), "a bad access token alone ends nothing");
    ada.clone().get(ACCOUNT).await.assert_status(200).assert_shows("value=\"ada\"");
}
