//! The contract of every store. A new implementation runs the same list.
//!
//! Tests that need Postgres are marked as ignored, so that a run without one reports them; `script/postgres` starts
//! one.

#![cfg(feature = "ssr")]

/// Runs each part of the contract against a fresh store.
macro_rules! contract {
    ($open:ident $(, #[$mark:meta])?) => {
        contract!(@each $open, [$(#[$mark])?]:
            users_are_found_by_any_spelling_of_their_address,
            an_address_belongs_to_one_user,
            users_are_listed_page_by_page,
            a_name_and_a_hash_are_replaced,
            a_session_comes_back_as_it_was_begun,
            of_concurrent_advances_of_a_session_one_wins,
            a_session_advances_exactly_as_the_domain_does,
            delivery_is_recorded_and_never_lowered,
            an_ended_session_does_not_advance,
            a_disabled_user_has_no_sessions_and_gets_none,
            signing_in_and_disabling_at_once_leave_no_session,
            ending_and_advancing_at_once_leave_an_ended_session,
            expired_sessions_are_deleted_in_batches,
            live_sessions_are_listed_for_their_owner_only,
            the_other_sessions_of_a_user_end_and_the_ones_used_last_may_stay,
            a_session_that_ended_by_reuse_is_reported_to_its_owner_until_dismissed,
            a_client_is_registered_once_and_has_two_secrets_while_it_changes_them,
            of_servers_that_make_the_next_signing_key_concurrently_one_succeeds,
            a_signing_key_is_removed_by_its_number,
            a_signing_key_is_resealed_unless_it_has_changed,
            a_version_of_the_master_secret_is_needed_for_longer_but_never_for_less,
        );
    };
    (@each $open:ident, $marks:tt: $($promise:ident),+ $(,)?) => {
        $(contract!(@one $open, $marks, $promise);)+
    };
    (@one $open:ident, [$(#[$mark:meta])?], $promise:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$mark])?
        async fn $promise() {
            let (store, _files) = $open().await;
            super::$promise(&*store).await;
            store.ping().await.expect("the store still responds");
            store.close().await;
        }
    };
}

#[path = "database/postgres.rs"]
mod database;
#[path = "store/postgres.rs"]
mod postgres;
#[path = "store/sqlite.rs"]
mod sqlite;

use futures::future::join_all;
use std::{collections::BTreeSet, time::Duration};
use tokenlife::{
    server::{
        clock::Timestamp,
        domain::{
            email::{Email, EmailKey},
            key_schedule::KeyTimes,
            session::{EndReason, Generation, Session, SessionId},
            user::{DisplayName, PasswordHash, User, UserId},
        },
        keyring::Keyring,
        random,
        store::{Client, Conflict, SecretVersion, Store, StoreError, StoredSigningKey},
    },
    sign_in_method::SignInMethod,
};

const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);
const HOUR: Duration = Duration::from_hours(1);

fn user(email: &str) -> User {
    User {
        id: UserId::from_uuid(random::id(NOW)),
        email: Email::parse(email).expect("an address"),
        display_name: DisplayName::parse("Ada").expect("a name"),
        password: PasswordHash::from_phc("$argon2id$one".to_owned()),
        created_at: NOW,
        disabled_at: None,
    }
}

fn session(user: &User) -> Session {
    let id = SessionId::from_uuid(random::id(NOW));
    Session {
        address: "192.0.2.1".to_owned(),
        user_agent: "Browser \u{202e}1.0 'quoted' \"twice\"; DROP TABLE users".to_owned(),
        ..Session::begin(id, user.id, "web", SignInMethod::Password, NOW, HOUR * 720)
    }
}

async fn added(store: &dyn Store, email: &str) -> (User, Session) {
    let user = user(email);
    store.add_user(&user).await.expect("a new user");
    let session = session(&user);
    assert!(store.begin_session(&session).await.expect("a new session"));
    (user, session)
}

fn key(email: &str) -> EmailKey {
    EmailKey::of(email).expect("an address")
}

async fn users_are_found_by_any_spelling_of_their_address(store: &dyn Store) {
    let (ada, _) = added(store, "Ada.L@Example.com").await;
    let found = store.find_user_by_email(&key("ada.l@EXAMPLE.com")).await.expect("a result").expect("a user");
    assert_eq!((found.id, found.email.as_typed(), found.display_name.as_str()), (ada.id, "Ada.L@Example.com", "Ada"));
    assert_eq!(found.password, ada.password);
    assert!(store.find_user_by_email(&key("unknown@example.com")).await.expect("a result").is_none());
}

async fn an_address_belongs_to_one_user(store: &dyn Store) {
    let attempts = (0..20).map(|number| async move {
        let spelling = if number % 2 == 0 { "one@example.com" } else { "ONE@example.com" };
        store.add_user(&user(spelling)).await
    });
    let outcomes = join_all(attempts).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(
        outcomes
            .iter()
            .filter_map(|outcome| outcome.as_ref().err())
            .all(|error| matches!(error, StoreError::Conflict(Conflict::Email)))
    );
}

async fn users_are_listed_page_by_page(store: &dyn Store) {
    for number in 0..5 {
        store.add_user(&user(&format!("page{number}@example.com"))).await.expect("a new user");
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.list_users(after, 2).await.expect("a page");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        after = Some(last.id);
        seen.extend(page.into_iter().map(|user| user.id));
    }
    let all = store.list_users(None, 1000).await.expect("a page");
    assert_eq!(seen, all.iter().map(|user| user.id).collect::<Vec<_>>());
}

async fn a_name_and_a_hash_are_replaced(store: &dyn Store) {
    let (ada, session) = added(store, "names@example.com").await;
    let name = DisplayName::parse("Ada Lovelace").expect("a name");
    assert!(store.change_display_name(ada.id, &name).await.expect("a result"));
    assert!(!store.change_display_name(UserId::from_uuid(random::id(NOW)), &name).await.expect("a result"));

    let (two, three) = (PasswordHash::from_phc("two".to_owned()), PasswordHash::from_phc("three".to_owned()));
    assert!(store.replace_password_hash(ada.id, &ada.password, &two).await.expect("a result"));
    assert!(
        !store.replace_password_hash(ada.id, &ada.password, &three).await.expect("a result"),
        "it is not the old one any more"
    );

    let (_, stored) = store.find_session_with_user(session.id).await.expect("a result").expect("a session");
    assert_eq!((stored.display_name, stored.password), (name, two));
}

async fn a_session_comes_back_as_it_was_begun(store: &dyn Store) {
    let (_, session) = added(store, "session@example.com").await;
    assert_eq!(store.find_session(session.id).await.expect("a result"), Some(session));
    assert_eq!(store.find_session(SessionId::from_uuid(random::id(NOW))).await.expect("a result"), None);
}

async fn of_concurrent_advances_of_a_session_one_wins(store: &dyn Store) {
    let (_, session) = added(store, "race@example.com").await;
    for round in 1..=10 {
        let (from, to) = (Generation::new(round), Generation::new(round + 1));
        let outcomes = join_all((0..50).map(|_| store.advance_session(session.id, from, to, NOW + HOUR))).await;
        let won = outcomes.into_iter().filter(|outcome| *outcome.as_ref().expect("a result")).count();
        assert_eq!(won, 1, "round {round}");
    }
    let advanced = store.find_session(session.id).await.expect("a result").expect("a session");
    assert_eq!((advanced.generation, advanced.rotated_at), (Generation::new(11), NOW + HOUR));
    assert_eq!(advanced.expires_at, session.expires_at);
}

/// Every small step from every small state: the store does the same as the domain.
async fn a_session_advances_exactly_as_the_domain_does(store: &dyn Store) {
    let generations = || (1..=3).map(Generation::new);
    let states = generations().flat_map(|generation| {
        (0..=3)
            .map(Generation::new)
            .flat_map(move |delivered| [false, true].map(|ended| (generation, delivered, ended)))
    });
    let (ada, _) = added(store, "rules@example.com").await;
    for (generation, delivered, ended) in states {
        for (from, to) in generations().flat_map(|from| generations().map(move |to| (from, to))) {
            let mut expected = Session { generation, delivered, ..session(&ada) };
            assert!(store.begin_session(&expected).await.expect("a result"));
            if ended {
                let outcome = store.end_session(expected.id, NOW + HOUR, EndReason::SignedOut).await.expect("a result");
                assert_eq!(outcome, expected.end(NOW + HOUR, EndReason::SignedOut));
            }
            let moved = store.advance_session(expected.id, from, to, NOW + HOUR).await.expect("a result");
            assert_eq!(moved, expected.advance(from, to, NOW + HOUR), "{expected:?} from {from:?} to {to:?}");
            store.mark_delivered(&[(expected.id, to)]).await.expect("recorded");
            expected.mark_delivered(to);
            assert_eq!(store.find_session(expected.id).await.expect("a result"), Some(expected));
        }
    }
}

async fn delivery_is_recorded_and_never_lowered(store: &dyn Store) {
    let (_, one) = added(store, "delivered1@example.com").await;
    let (_, two) = added(store, "delivered2@example.com").await;
    let unknown = SessionId::from_uuid(random::id(NOW));
    let marks = [
        (one.id, Generation::new(3)),
        (two.id, Generation::new(1)),
        (one.id, Generation::new(2)),
        (unknown, Generation::new(9)),
    ];
    store.mark_delivered(&marks).await.expect("recorded");
    store.mark_delivered(&[]).await.expect("nothing to note");
    let delivered = async |id| store.find_session(id).await.expect("a result").expect("a session").delivered;
    assert_eq!((delivered(one.id).await, delivered(two.id).await), (Generation::new(3), Generation::new(1)));
}

async fn an_ended_session_does_not_advance(store: &dyn Store) {
    let (_, session) = added(store, "ended@example.com").await;
    assert!(store.end_session(session.id, NOW + HOUR, EndReason::SignedOut).await.expect("a result"));
    assert!(
        !store.end_session(session.id, NOW + HOUR * 2, EndReason::Reuse).await.expect("a result"),
        "it had ended before"
    );
    assert!(!store.advance_session(session.id, Generation::FIRST, Generation::new(2), NOW).await.expect("a result"));
    let ended = store.find_session(session.id).await.expect("a result").expect("a session").ended.expect("an end");
    assert_eq!((ended.at, ended.reason), (NOW + HOUR, EndReason::SignedOut));

    let since = async |at| {
        let ended = store.sessions_ended_since(at).await.expect("a result");
        ended.iter().any(|ended| ended.id == session.id && ended.at == NOW + HOUR)
    };
    assert!(since(NOW + HOUR).await);
    assert!(!since(NOW + HOUR + Duration::from_millis(1)).await);
}

async fn live_sessions_are_listed_for_their_owner_only(store: &dyn Store) {
    let (ada, one) = added(store, "live@example.com").await;
    added(store, "stranger@example.com").await;
    let used_later = Session { rotated_at: NOW + HOUR, ..session(&ada) };
    let expired = Session { began_at: NOW.before(HOUR * 800), expires_at: NOW + HOUR, ..session(&ada) };
    let ended = session(&ada);
    for session in [&used_later, &expired, &ended] {
        assert!(store.begin_session(session).await.expect("a result"));
    }
    assert!(store.end_session(ended.id, NOW, EndReason::SignedOut).await.expect("a result"));
    let live = store.list_live_sessions(ada.id, NOW + HOUR).await.expect("a result");
    assert_eq!(live, [used_later, one], "the one used last first");
    let unknown = UserId::from_uuid(random::id(NOW));
    assert_eq!(store.list_live_sessions(unknown, NOW).await.expect("a result"), []);
}

async fn the_other_sessions_of_a_user_end_and_the_ones_used_last_may_stay(store: &dyn Store) {
    let (ada, oldest) = added(store, "others@example.com").await;
    let (_, bystander) = added(store, "other_bystander@example.com").await;
    let mut sessions = vec![oldest];
    for hours in 1..5 {
        let session = Session { rotated_at: NOW + HOUR * hours, ..session(&ada) };
        assert!(store.begin_session(&session).await.expect("a result"));
        sessions.push(session);
    }
    let ids: Vec<SessionId> = sessions.iter().map(|session| session.id).collect();
    assert!(store.end_session(ids[3], NOW, EndReason::SignedOut).await.expect("a result"));
    let at = NOW + HOUR * 5;
    let end = async |keep| {
        let ended = store.end_other_sessions(ada.id, ids[0], keep, at, EndReason::TooMany).await.expect("a result");
        ended.into_iter().collect::<BTreeSet<SessionId>>()
    };
    assert_eq!(end(3).await, BTreeSet::new(), "there are no more than that");
    assert_eq!(end(1).await, BTreeSet::from([ids[1], ids[2]]), "the spared one is the oldest; the newest may stay");
    assert_eq!(end(0).await, BTreeSet::from([ids[4]]), "each ends once");
    for (id, reason) in
        ids.iter().zip([None, Some(EndReason::TooMany), Some(EndReason::TooMany), Some(EndReason::SignedOut)])
    {
        let session = store.find_session(*id).await.expect("a result").expect("a session");
        assert_eq!(session.ended.map(|ended| ended.reason), reason);
    }
    assert_eq!(store.find_session(bystander.id).await.expect("a result"), Some(bystander));
    let ended = store.sessions_ended_since(at).await.expect("a result");
    assert_eq!(ended.iter().filter(|ended| ids.contains(&ended.id)).count(), 3, "other servers hear of them");
}

async fn a_session_that_ended_by_reuse_is_reported_to_its_owner_until_dismissed(store: &dyn Store) {
    let (ada, one) = added(store, "reused@example.com").await;
    let (eve, _) = added(store, "eve@example.com").await;
    let (two, signed_out) = (session(&ada), session(&ada));
    for session in [&two, &signed_out] {
        assert!(store.begin_session(session).await.expect("a result"));
    }
    assert!(store.end_session(signed_out.id, NOW + HOUR, EndReason::SignedOut).await.expect("a result"));
    assert!(!store.end_reused_session(signed_out.id, NOW + HOUR, "192.0.2.66").await.expect("a result"));
    assert!(store.end_reused_session(one.id, NOW + HOUR, "192.0.2.66").await.expect("a result"));
    assert!(store.end_reused_session(two.id, NOW + HOUR * 2, "2001:db8::66").await.expect("a result"));
    assert!(!store.end_reused_session(one.id, NOW + HOUR * 3, "192.0.2.67").await.expect("a result"), "once is all");
    assert!(!store.advance_session(one.id, Generation::FIRST, Generation::new(2), NOW).await.expect("a result"));

    let reported = async |user, since, limit| {
        let reused = store.list_reused_sessions(user, since, limit).await.expect("a result");
        reused.into_iter().map(|reused| (reused.session.id, reused.at, reused.from)).collect::<Vec<_>>()
    };
    let (first, second) =
        ((one.id, NOW + HOUR, "192.0.2.66".to_owned()), (two.id, NOW + HOUR * 2, "2001:db8::66".to_owned()));
    assert_eq!(reported(ada.id, NOW, 10).await, [second.clone(), first]);
    assert_eq!(reported(ada.id, NOW, 1).await, std::slice::from_ref(&second));
    assert_eq!(reported(ada.id, NOW + HOUR * 2, 10).await, std::slice::from_ref(&second));
    assert_eq!(reported(eve.id, NOW, 10).await, []);

    let dismiss = async |user, id| store.dismiss_reused_session(user, id, NOW + HOUR * 3).await.expect("a result");
    assert!(!dismiss(eve.id, one.id).await, "it is not hers");
    assert!(!dismiss(ada.id, signed_out.id).await, "it was no reuse");
    assert!(dismiss(ada.id, one.id).await && dismiss(ada.id, one.id).await, "twice is as good as once");
    assert_eq!(reported(ada.id, NOW, 10).await, [second]);
}

async fn a_disabled_user_has_no_sessions_and_gets_none(store: &dyn Store) {
    let (ada, one) = added(store, "disabled@example.com").await;
    let two = session(&ada);
    assert!(store.begin_session(&two).await.expect("a result"));
    let (_, bystander) = added(store, "bystander@example.com").await;

    assert!(store.disable_user(&key("DISABLED@example.com"), NOW + HOUR).await.expect("a result"));
    assert!(
        store.disable_user(ada.email_key(), NOW + HOUR * 2).await.expect("a result"),
        "no error if already disabled"
    );
    assert!(!store.disable_user(&key("unknown@example.com"), NOW).await.expect("a result"));
    for id in [one.id, two.id] {
        let (session, user) = store.find_session_with_user(id).await.expect("a result").expect("a session");
        assert_eq!(session.ended.map(|ended| ended.reason), Some(EndReason::AccountDisabled));
        assert_eq!(user.disabled_at, Some(NOW + HOUR));
    }
    assert!(store.find_session(bystander.id).await.expect("a result").expect("a session").ended.is_none());
    assert!(!store.begin_session(&session(&ada)).await.expect("a result"));
    assert!(store.enable_user(ada.email_key()).await.expect("a result"));
    assert!(store.begin_session(&session(&ada)).await.expect("a result"));
}

async fn signing_in_and_disabling_at_once_leave_no_session(store: &dyn Store) {
    for number in 0..50 {
        let (ada, _) = added(store, &format!("race{number}@example.com")).await;
        let session = session(&ada);
        let (begun, disabled) =
            futures::join!(store.begin_session(&session), store.disable_user(ada.email_key(), NOW + HOUR));
        assert!(disabled.expect("a result"));
        let stored = store.find_session(session.id).await.expect("a result");
        assert_eq!(stored.is_some(), begun.expect("a result"));
        assert!(stored.is_none_or(|session| session.ended.is_some()), "round {number}");
    }
}

async fn ending_and_advancing_at_once_leave_an_ended_session(store: &dyn Store) {
    for number in 0..50 {
        let (_, session) = added(store, &format!("both{number}@example.com")).await;
        let (advanced, ended) = futures::join!(
            store.advance_session(session.id, Generation::FIRST, Generation::new(2), NOW),
            store.end_session(session.id, NOW, EndReason::SignedOut)
        );
        assert!(ended.expect("a result"));
        advanced.expect("a result");
        assert!(store.find_session(session.id).await.expect("a result").expect("a session").ended.is_some());
    }
}

async fn expired_sessions_are_deleted_in_batches(store: &dyn Store) {
    let ada = user("expired@example.com");
    store.add_user(&ada).await.expect("a new user");
    for _ in 0..5 {
        let old = Session { began_at: NOW.before(HOUR * 900), expires_at: NOW.before(HOUR * 180), ..session(&ada) };
        assert!(store.begin_session(&old).await.expect("a result"));
    }
    let live = session(&ada);
    assert!(store.begin_session(&live).await.expect("a result"));
    let mut deleted = Vec::new();
    for _ in 0..3 {
        deleted.push(store.delete_expired_sessions(NOW, 3).await.expect("a result"));
    }
    assert_eq!(deleted, [3, 2, 0]);
    assert!(store.find_session(live.id).await.expect("a result").is_some());
}

async fn a_client_is_registered_once_and_has_two_secrets_while_it_changes_them(store: &dyn Store) {
    let client = |id: &str, audience: Option<&str>| Client {
        id: id.to_owned(),
        audience: audience.map(str::to_owned),
        secret_hash: [1; 32],
        previous_secret_hash: None,
        created_at: NOW,
    };
    let (notes, bills) = (client("notes", None), client("bills", Some("https://bills.example")));
    assert!(store.add_client(&notes).await.expect("a result"));
    assert!(store.add_client(&bills).await.expect("a result"));
    let another = Client { secret_hash: [9; 32], ..notes.clone() };
    assert!(!store.add_client(&another).await.expect("a result"), "it exists");
    assert_eq!(store.list_clients().await.expect("a result"), [bills.clone(), notes.clone()]);

    assert!(store.rotate_client_secret("notes", &[2; 32], true).await.expect("a result"));
    assert!(store.rotate_client_secret("notes", &[3; 32], true).await.expect("a result"));
    let both = Client { secret_hash: [3; 32], previous_secret_hash: Some([2; 32]), ..notes };
    assert_eq!(store.list_clients().await.expect("a result"), [bills.clone(), both.clone()]);
    assert!(store.rotate_client_secret("notes", &[4; 32], false).await.expect("a result"));
    let one = Client { secret_hash: [4; 32], previous_secret_hash: None, ..both };
    assert_eq!(store.list_clients().await.expect("a result"), [bills, one]);
    assert!(!store.rotate_client_secret("unknown", &[5; 32], true).await.expect("a result"));

    assert!(store.remove_client("bills").await.expect("a result"));
    assert!(!store.remove_client("bills").await.expect("a result"), "it no longer exists");
    assert_eq!(store.list_clients().await.expect("a result").len(), 1);
}

fn signing_key(keyring: &Keyring, number: u32, maker: u8) -> StoredSigningKey {
    StoredSigningKey {
        times: KeyTimes { number, signs_from: NOW + HOUR * number },
        id: format!("key{number} of {maker}"),
        sealed: keyring.seal("key", &[maker]),
        created_at: NOW,
    }
}

async fn of_servers_that_make_the_next_signing_key_concurrently_one_succeeds(store: &dyn Store) {
    let keyring = Keyring::derive([(1, [9; 32].as_slice())]);
    let mut made = Vec::new();
    // In another order than that of the numbers.
    for number in [1, 3, 2] {
        let keys: Vec<StoredSigningKey> = (0..10).map(|maker| signing_key(&keyring, number, maker)).collect();
        let outcomes = join_all(keys.iter().map(|key| store.add_signing_key(key))).await;
        let added: Vec<&StoredSigningKey> = outcomes
            .into_iter()
            .zip(&keys)
            .filter_map(|(added, key)| added.expect("a result").then_some(key))
            .collect();
        assert_eq!(added.len(), 1);
        made.push(added[0].clone());
    }
    made.sort_by_key(|key| key.times.number);
    assert_eq!(store.list_signing_keys().await.expect("a result"), made);
}

async fn a_signing_key_is_removed_by_its_number(store: &dyn Store) {
    let keyring = Keyring::derive([(1, [9; 32].as_slice())]);
    for number in 1..=3 {
        assert!(store.add_signing_key(&signing_key(&keyring, number, 0)).await.expect("a result"));
    }
    assert!(store.remove_signing_key(2).await.expect("a result"));
    assert!(!store.remove_signing_key(2).await.expect("a result"), "it no longer exists");
    let left = store.list_signing_keys().await.expect("a result");
    assert_eq!(left.iter().map(|key| key.times.number).collect::<Vec<_>>(), [1, 3]);
}

async fn a_signing_key_is_resealed_unless_it_has_changed(store: &dyn Store) {
    let keyring = Keyring::derive([(1, [9; 32].as_slice())]);
    let key = signing_key(&keyring, 1, 0);
    assert!(store.add_signing_key(&key).await.expect("a result"));
    let (two, three) = (keyring.seal("key", b"2"), keyring.seal("key", b"3"));
    assert!(store.reseal_signing_key(1, &key.sealed, &two).await.expect("a result"));
    assert!(!store.reseal_signing_key(1, &key.sealed, &three).await.expect("a result"), "it is not the old one");
    assert!(!store.reseal_signing_key(2, &two, &three).await.expect("a result"), "there is none");
    assert_eq!(store.list_signing_keys().await.expect("a result"), [StoredSigningKey { sealed: two, ..key }]);
}

async fn a_version_of_the_master_secret_is_needed_for_longer_but_never_for_less(store: &dyn Store) {
    let known = |version, needed_until| SecretVersion { version, fingerprint: [version; 16], needed_until };
    for (version, until) in [(2, NOW + HOUR), (1, NOW), (2, NOW), (2, NOW + HOUR * 2), (255, NOW)] {
        assert!(store.record_secret_version(&known(version, until)).await.expect("a result"));
    }
    let other = SecretVersion { fingerprint: [9; 16], ..known(2, NOW + HOUR * 9) };
    assert!(!store.record_secret_version(&other).await.expect("a result"), "another secret of the same number");
    let expected = [known(1, NOW), known(2, NOW + HOUR * 2), known(255, NOW)];
    assert_eq!(store.list_secret_versions().await.expect("a result"), expected);

    assert!(store.retire_secret_version(2, NOW + HOUR).await.expect("a result"));
    assert!(store.retire_secret_version(1, NOW + HOUR).await.expect("a result"));
    assert!(!store.retire_secret_version(3, NOW).await.expect("a result"));
    let expected = [known(1, NOW), known(2, NOW + HOUR), known(255, NOW)];
    assert_eq!(store.list_secret_versions().await.expect("a result"), expected);
    assert!(
        store.record_secret_version(&known(2, NOW + HOUR * 3)).await.expect("a result"),
        "a server uses it after all"
    );
}
