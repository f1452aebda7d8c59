//! How many refresh tokens one server redeems in a second: `Sessions::refresh` with everything it does, from reading the
//! token to the durable write and both new tokens.
//!
//! ```sh
//! cargo bench --features ssr --bench rotation -- --sessions 1000,1000000 --clients 1,64
//! cargo bench --features ssr --bench rotation -- --url postgres://… --sessions 1000
//! ```

use clap::Parser;
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use leptos::prelude::LeptosOptions;
use std::{
    error::Error,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokenlife::{
    server::{
        boot::start::{Application, open_store},
        clock::{Clock as _, SystemClock, Timestamp},
        config::Config,
        domain::{
            email::Email,
            refresh_token::RefreshToken,
            session::{Generation, Session, SessionId},
            user::{DisplayName, PasswordHash, User, UserId},
        },
        random,
        service::clients::WEB,
        state::AppState,
        store::{Store, StoreError},
    },
    sign_in_method::SignInMethod,
};
use tokio::time::Instant;

/// Always the same, so that a database can be measured again.
const MASTER_SECRET: &str = "N3t8dXr9OWYTbvP8GYxnp9n4nIPR2KVmHf0xmtXMGLA";
const SESSIONS_OF_A_USER: usize = 1000;
const BEGUN_AT_ONCE: usize = 256;

#[derive(Parser)]
struct Arguments {
    /// The database; a SQLite file in a temporary folder if left out. What is in it stays.
    #[arg(long)]
    url: Option<String>,
    /// How many sessions are stored, one measurement after the other.
    #[arg(long, value_delimiter = ',', default_value = "1000,100000")]
    sessions: Vec<usize>,
    /// How many clients refresh at the same time, one measurement after the other.
    #[arg(long, value_delimiter = ',', default_value = "1,8,64")]
    clients: Vec<usize>,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Given by `cargo bench`.
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

/// A session, and the generation of its newest token.
struct Stored {
    id: SessionId,
    generation: AtomicU32,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it prints what it has measured")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let files = tempfile::tempdir()?;
    let own_file = format!("sqlite://{}", files.path().join("rotation.sqlite3").display());
    let mut config = Config::for_tests();
    config.database.url = Some(arguments.url.unwrap_or(own_file).into());
    let store = open_store(&config).await?;
    let options = LeptosOptions::builder().output_name("tokenlife").build();
    let clock = Arc::new(SystemClock);
    let secrets = MASTER_SECRET.parse()?;
    let state = Application::assemble(&config, options, &secrets, Arc::clone(&store), clock).await?.state;

    println!("{:>9}  {:>7}  {:>11}  {:>9}  {:>9}", "sessions", "clients", "rotations/s", "p50 ms", "p99 ms");
    let mut stored = Vec::new();
    for sessions in arguments.sessions {
        fill(&*store, &mut stored, sessions).await?;
        for clients in &arguments.clients {
            let mut waits = measure(&state, &stored, *clients, Duration::from_secs(arguments.seconds)).await?;
            waits.sort_unstable();
            let rate = waits.len() as u64 / arguments.seconds;
            let [p50, p99] =
                [50, 99].map(|percent| waits.get(waits.len() * percent / 100).copied().unwrap_or_default());
            let [p50, p99] = [p50, p99].map(|wait| wait.as_secs_f64() * 1000.0);
            println!("{:>9}  {clients:>7}  {rate:>11}  {p50:>9.2}  {p99:>9.2}", stored.len());
        }
    }
    store.close().await;
    Ok(())
}

/// Begins sessions until there are so many.
async fn fill(store: &dyn Store, stored: &mut Vec<Stored>, count: usize) -> Result<(), StoreError> {
    while stored.len() < count {
        let now = SystemClock.now();
        let user = user(now);
        store.add_user(&user).await?;
        let sessions = (stored.len()..count).take(SESSIONS_OF_A_USER).map(|_| session(user.id, now));
        let begun = stream::iter(sessions)
            .map(async |session| store.begin_session(&session).await.map(|_| session.id))
            .buffer_unordered(BEGUN_AT_ONCE);
        let ids: Vec<SessionId> = begun.try_collect().await?;
        let first = Generation::FIRST.number();
        stored.extend(ids.into_iter().map(|id| Stored { id, generation: AtomicU32::new(first) }));
    }
    Ok(())
}

/// Has clients refresh, each its own sessions from all over the store; returns how long each refresh took.
async fn measure(
    state: &AppState,
    stored: &[Stored],
    clients: usize,
    time: Duration,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let ends = Instant::now() + time;
    let work = (0..clients).map(async |client| -> Result<Vec<Duration>, Box<dyn Error>> {
        let mut waits = Vec::new();
        // A step that shares no factor with the number of sessions visits all of them, far from each other.
        for turn in (client..).step_by(clients) {
            let session = &stored[turn.wrapping_mul(1_000_003) % stored.len()];
            let began = Instant::now();
            if began >= ends {
                break;
            }
            let generation = Generation::new(session.generation.load(Ordering::Relaxed));
            let token = RefreshToken { session_id: session.id, generation };
            let token = state.keyring.refresh_tokens().seal(token);
            let token = state.sessions.present_refresh(token.as_str());
            state.sessions.refresh(&state.web_client, token, IpAddr::from([192, 0, 2, 1])).await?;
            session.generation.fetch_add(1, Ordering::Relaxed);
            waits.push(began.elapsed());
        }
        Ok(waits)
    });
    Ok(try_join_all(work).await?.into_iter().flatten().collect())
}

fn user(now: Timestamp) -> User {
    let id = random::id(now);
    User {
        id: UserId::from_uuid(id),
        email: Email::parse(&format!("{}@example.com", id.simple())).expect("an address"),
        display_name: DisplayName::parse("Ada").expect("a name"),
        password: PasswordHash::from_phc("$argon2id$none".to_owned()),
        created_at: now,
        disabled_at: None,
    }
}

fn session(user_id: UserId, now: Timestamp) -> Session {
    let id = SessionId::from_uuid(random::id(now));
    Session {
        address: "192.0.2.1".to_owned(),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".to_owned(),
        ..Session::begin(id, user_id, WEB, SignInMethod::Password, now, Duration::from_hours(720))
    }
}
