//! The servers of a scenario, what stands in front of them, and the people who use them.

use super::{
    browser::{Jar, Wish},
    http::{Answer, Client, NoAnswer, send_over},
    instance::Instance,
    lab::{Fallible, Lab},
    paths::{ACCOUNT, api},
    proxy::{Fault, Proxy},
    report::Outcome,
    skew::Skew,
    tally::{Seen, Tally},
};
use fastrand::Rng;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};
use tokio::task::JoinSet;

/// The one that whoever has signed out signs in to again.
pub const FIRST_ACCOUNT: &str = "ada0@example.com";
/// Fewer than the sessions that an account may have, with room for those who sign in anew.
const PER_ACCOUNT: usize = 30;
const PASSWORD: &str = "vermilion otter juggles";
/// Everybody comes from one address here, so the limits must never be what a scenario runs into.
const NO_LIMIT: &str = "100000/min";
/// The server checks a password on as many threads as there are processors, and turns away a crowd.
const SIGN_INS_AT_ONCE: usize = 4;

/// The way to the servers, for as many browsers as wanted.
#[derive(Clone, Debug)]
pub struct Site {
    origin: Arc<str>,
    servers: Arc<[SocketAddr]>,
    proxies: Arc<[Proxy]>,
    balancer: SocketAddr,
    client: Client,
}

/// How a request gets to a server.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// Straight to the server of this number.
    To(usize),
    /// To it through its proxy, where this happens to it.
    Through(usize, Fault),
    /// To whichever the load balancer chooses.
    Balanced,
}

impl Site {
    pub async fn ask(&self, way: Way, jar: &Jar, wish: Wish<'_>) -> Result<Answer, NoAnswer> {
        let request = wish.request(&self.origin, jar);
        match way {
            Way::To(server) => self.client.send(self.servers[server], request).await,
            Way::Balanced => self.client.send(self.balancer, request).await,
            Way::Through(server, fault) => send_over(self.proxies[server].connect(fault).await?, request).await,
        }
    }

    /// Asks, and puts away the cookies of the answer.
    pub async fn ask_and_keep(&self, way: Way, jar: &mut Jar, wish: Wish<'_>) -> Result<Answer, NoAnswer> {
        let answer = self.ask(way, jar, wish).await?;
        jar.receive(&answer);
        Ok(answer)
    }

    /// Signs in to an account, into this jar.
    pub async fn sign_in(&self, way: Way, jar: &mut Jar, email: &str) -> Fallible<()> {
        let fields = [("email", email), ("password", PASSWORD)];
        expect_success(&self.ask_and_keep(way, jar, Wish::Call(api::LOGIN, &fields)).await?)
    }

    /// Where a load balancer in front of the servers listens: the address people open.
    pub const fn balancer(&self) -> SocketAddr {
        self.balancer
    }

    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// One of the servers.
    pub fn any(&self, chance: &mut Rng) -> usize {
        chance.usize(..self.servers.len())
    }

    /// How many answers were cut.
    pub fn answers_cut(&self) -> usize {
        self.proxies.iter().map(Proxy::answers_cut).sum()
    }

    /// Asks for each jar's account page when its access has expired; tells how many are logged out.
    pub async fn logged_out(&self, jars: Vec<Jar>, tally: &mut Tally) -> usize {
        let mut logged_out = 0;
        for (number, mut jar) in jars.into_iter().enumerate() {
            jar.let_access_expire();
            let result = self.ask(Way::To(number % self.servers()), &jar, Wish::Page(ACCOUNT)).await;
            logged_out += usize::from(tally.note(&result) != Some(Seen::Served));
        }
        logged_out
    }
}

/// Servers on one store. They end with it.
#[derive(Debug)]
pub struct Fleet {
    pub site: Site,
    pub servers: Vec<Instance>,
    pub skews: Vec<Skew>,
    /// The database, if it is a file.
    pub database: PathBuf,
}

/// How many servers there are, and what is special about them.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Settings beyond those that every server of the lab has.
    pub settings: Vec<(&'static str, String)>,
    /// Whether the servers' clocks can be moved.
    pub movable_clocks: bool,
}

impl Fleet {
    /// Starts what a scenario needs: one server on SQLite, three on Postgres.
    pub async fn start(lab: &Lab, plan: Plan) -> Fallible<Self> {
        let count = if lab.database_url.is_some() { 3 } else { 1 };
        let folder = lab.folder.path();
        // The port after those of the servers.
        let balancer = SocketAddr::from((Ipv4Addr::LOCALHOST, lab.tools.first_port + count));
        let origin = format!("http://{balancer}");
        let mut settings: Vec<(String, String)> = [
            ("TOKENLIFE__DATA__DIR", folder.join("data").display().to_string()),
            ("TOKENLIFE__HTTP__PUBLIC_URL", origin.clone()),
            ("TOKENLIFE__AUTH__MASTER_SECRET", master_secret(&mut lab.chance("master secret"))),
            ("TOKENLIFE__LIMITS__SIGN_IN_PER_ACCOUNT", NO_LIMIT.to_owned()),
            ("TOKENLIFE__LIMITS__SIGN_IN_PER_ADDRESS", NO_LIMIT.to_owned()),
            ("TOKENLIFE__LIMITS__SIGN_UP_PER_ADDRESS", NO_LIMIT.to_owned()),
            ("TOKENLIFE__LOG__FORMAT", "json".to_owned()),
            ("TOKENLIFE__LOG__FILTER", "warn".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        settings.extend(lab.database_url.clone().map(|url| ("TOKENLIFE__DATABASE__URL".to_owned(), url)));
        settings.extend(plan.settings.into_iter().map(|(name, value)| (name.to_owned(), value)));

        let (mut servers, mut skews, mut proxies) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..count {
            if plan.movable_clocks {
                let library = lab.tools.libfaketime.as_deref().ok_or("libfaketime is needed")?;
                skews.push(Skew::new(library, folder, &format!("server-{number}"))?);
            }
            servers.push(Instance::new(lab, number, &settings, skews.last().cloned()));
        }
        for server in &mut servers {
            server.launch().await?;
        }
        for server in &mut servers {
            server.ready().await?;
            proxies.push(Proxy::in_front_of(server.address).await?);
        }
        let site = Site {
            origin: origin.into(),
            servers: servers.iter().map(|server| server.address).collect(),
            proxies: proxies.into(),
            balancer,
            client: Client::default(),
        };
        Ok(Self { site, servers, skews, database: folder.join("data/tokenlife.sqlite3") })
    }

    /// Signs so many browsers in, to as many accounts as it takes: one of them has only so many sessions.
    pub async fn sign_in(&self, browsers: usize) -> Fallible<Vec<Jar>> {
        let mut jars = Vec::new();
        while jars.len() < browsers {
            let account = jars.len() / PER_ACCOUNT;
            jars.extend(self.sign_in_to(&email_of(account), PER_ACCOUNT.min(browsers - jars.len())).await?);
        }
        Ok(jars)
    }

    /// Makes an account, and signs so many browsers in to it.
    async fn sign_in_to(&self, email: &str, browsers: usize) -> Fallible<Vec<Jar>> {
        let site = self.site.clone();
        let mut first = Jar::default();
        let fields = [("email", email), ("display_name", "Ada"), ("password", PASSWORD)];
        expect_success(&site.ask_and_keep(Way::To(0), &mut first, Wish::Call(api::SIGN_UP, &fields)).await?)?;
        let mut jars = vec![first];
        let mut under_way = JoinSet::new();
        while jars.len() < browsers {
            while under_way.len() < SIGN_INS_AT_ONCE.min(browsers - jars.len()) {
                let (site, server) = (site.clone(), (jars.len() + under_way.len()) % self.servers.len());
                let email = email.to_owned();
                under_way.spawn(async move {
                    let mut jar = Jar::default();
                    site.sign_in(Way::To(server), &mut jar, &email).await.map(|()| jar)
                });
            }
            if let Some(signed_in) = under_way.join_next().await {
                jars.push(signed_in??);
            }
        }
        Ok(jars)
    }

    /// How often the servers have told that a replaced token was used again.
    pub fn alarms(&self) -> Fallible<usize> {
        self.count_in_logs("\"refresh_token_reused\"")
    }

    /// Whatever happened, no server may have met a fault of its own or panicked.
    pub fn require_no_faults(&self, outcome: &mut Outcome) -> Fallible<()> {
        let faults = self.count_in_logs("\"level\":\"ERROR\"")?;
        let first = self.servers.iter().find_map(|server| server.find_in_log("\"level\":\"ERROR\""));
        outcome.require(faults == 0, || format!("{faults} faults logged, the first: {}", first.unwrap_or_default()));
        Ok(())
    }

    fn count_in_logs(&self, text: &str) -> Fallible<usize> {
        self.servers.iter().map(|server| server.count_in_log(text)).sum()
    }
}

/// The accounts have numbers.
fn email_of(account: usize) -> String {
    format!("ada{account}@example.com")
}

fn expect_success(answer: &Answer) -> Fallible<()> {
    if matches!(answer.status, 200 | 303) {
        Ok(())
    } else {
        Err(format!("signing in is answered with {}: {}", answer.status, answer.body).into())
    }
}

/// A secret as the settings want it: 32 random bytes in base64.
fn master_secret(chance: &mut Rng) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    let mut bytes = [0; 32];
    chance.fill(&mut bytes);
    STANDARD.encode(bytes)
}
