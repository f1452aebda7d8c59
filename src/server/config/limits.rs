//! `[app.limits]`: how often an attempt may be repeated.

use super::{
    keys::{KeyWalker, Section, Value, Written, quoted},
    problems::Problems,
};
use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

/// The limits per client address and per account. None of them locks anybody out for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Attempts to sign in from one client address, whatever the account.
    pub sign_in_per_address: Rate,
    /// Attempts to sign in to one account, wherever from.
    pub sign_in_per_account: Rate,
    /// Accounts created from one client address.
    pub sign_up_per_address: Rate,
    /// Questions of the password strength meter from one client address.
    pub password_rating_per_address: Rate,
    /// Failed attempts of clients of the token service to prove themselves, from one client address.
    pub client_failure_per_address: Rate,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            sign_in_per_address: Rate::per(Period::Minute, 60),
            sign_in_per_account: Rate::per(Period::Hour, 20),
            sign_up_per_address: Rate::per(Period::Hour, 20),
            password_rating_per_address: Rate::per(Period::Minute, 120),
            client_failure_per_address: Rate::per(Period::Minute, 60),
        }
    }
}

impl Section for LimitsConfig {
    fn name(&self) -> &'static str {
        "limits"
    }

    fn keys(&mut self, walker: &mut dyn KeyWalker) {
        walker.key("sign_in_per_address", &mut self.sign_in_per_address);
        walker.key("sign_in_per_account", &mut self.sign_in_per_account);
        walker.key("sign_up_per_address", &mut self.sign_up_per_address);
        walker.key("password_rating_per_address", &mut self.password_rating_per_address);
        walker.key("client_failure_per_address", &mut self.client_failure_per_address);
    }

    fn validate(&self, _problems: &mut Problems) {}
}

/// How often in a period: `30/min`. All of them may come at once; the allowance then grows back evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    period: Period,
}

/// Why a text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a rate")]
pub struct RateError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Second,
    Minute,
    Hour,
}

impl Rate {
    const MAX_COUNT: u32 = 1_000_000;

    /// How many in one [`Self::period`], and how many at once.
    #[must_use]
    pub const fn count(self) -> NonZeroU32 {
        self.count
    }

    /// A second, a minute or an hour.
    #[must_use]
    pub const fn period(self) -> Duration {
        Duration::from_secs(match self.period {
            Period::Second => 1,
            Period::Minute => 60,
            Period::Hour => 60 * 60,
        })
    }

    const fn per(period: Period, count: u32) -> Self {
        match NonZeroU32::new(count) {
            Some(count) => Self { count, period },
            None => Self { count: NonZeroU32::MIN, period },
        }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (count, period) = text.split_once('/').ok_or(RateError)?;
        let count: NonZeroU32 = count.trim().parse().map_err(|_| RateError)?;
        let period = match period.trim() {
            "s" => Period::Second,
            "min" => Period::Minute,
            "h" => Period::Hour,
            _ => return Err(RateError),
        };
        if count.get() > Self::MAX_COUNT {
            return Err(RateError);
        }
        Ok(Self { count, period })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.period {
            Period::Second => "s",
            Period::Minute => "min",
            Period::Hour => "h",
        };
        write!(f, "{}/{unit}", self.count)
    }
}

impl Value for Rate {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = written.text()?.parse().map_err(|error: RateError| error.to_string())?;
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(self))
    }

    fn example(&self) -> &'static str {
        "how often (1 to 1000000) per s, min or h, such as \"30/min\""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_count_per_period() {
        let rate: Rate = "30/min".parse().unwrap();
        assert_eq!((rate.count().get(), rate.period()), (30, Duration::from_mins(1)));
        assert_eq!("1/s".parse::<Rate>().unwrap().period(), Duration::from_secs(1));
        assert_eq!(" 10 / h ".parse::<Rate>().unwrap().to_string(), "10/h");
        assert_eq!("1000000/s".parse::<Rate>().unwrap().to_string(), "1000000/s");
    }

    #[test]
    fn anything_else_is_no_rate() {
        for text in
            ["", "/", "30", "30/", "/min", "0/min", "-1/min", "1.5/s", "30/day", "30/minute", "1000001/s", "30/min/h"]
        {
            assert_eq!(text.parse::<Rate>(), Err(RateError), "{text:?}");
        }
    }
}
