//! Lengths of time, in words.

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const UNITS: [(u64, &str, &str); 4] =
    [(DAY, "a day", "day"), (HOUR, "an hour", "hour"), (MINUTE, "a minute", "minute"), (1, "a second", "second")];

/// `an hour`, `90 minutes`, `30 days`: exactly, in the largest unit that fits evenly.
#[must_use]
pub fn in_words(seconds: u64) -> String {
    match in_units(seconds) {
        (1, (_, one, _)) => one.to_owned(),
        (count, (_, _, name)) => format!("{count} {name}s"),
    }
}

/// `the last hour`, `the last 90 minutes`.
#[must_use]
pub fn the_last(seconds: u64) -> String {
    match in_units(seconds) {
        (1, (_, _, name)) => format!("the last {name}"),
        (count, (_, _, name)) => format!("the last {count} {name}s"),
    }
}

/// Rounded to one or two digits: `5 minutes`, `36 hours`, `3 days`.
#[must_use]
pub fn roughly(seconds: u64) -> String {
    let unit = match seconds {
        0..120 => 1,
        120..7200 => MINUTE,
        7200..172_800 => HOUR,
        _ => DAY,
    };
    in_words((seconds + unit / 2) / unit * unit)
}

fn in_units(seconds: u64) -> (u64, (u64, &'static str, &'static str)) {
    let fits = |(length, _, _): &(u64, _, _)| seconds > 0 && seconds.is_multiple_of(*length);
    let unit = UNITS.into_iter().find(fits).unwrap_or(UNITS[3]);
    (seconds / unit.0, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_exact() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "a second"),
            (3, "3 seconds"),
            (60, "a minute"),
            (90, "90 seconds"),
            (HOUR, "an hour"),
            (90 * MINUTE, "90 minutes"),
            (DAY, "a day"),
            (36 * HOUR, "36 hours"),
            (30 * DAY, "30 days"),
        ] {
            assert_eq!(in_words(seconds), words);
        }
        assert_eq!((the_last(HOUR), the_last(3)), ("the last hour".to_owned(), "the last 3 seconds".to_owned()));
    }

    #[test]
    fn elapsed_times_are_rounded() {
        for (seconds, words) in [
            (5, "5 seconds"),
            (119, "119 seconds"),
            (150, "3 minutes"),
            (HOUR - 1, "an hour"),
            (2 * HOUR - 1, "2 hours"),
            (2 * HOUR + 1, "2 hours"),
            (47 * HOUR, "47 hours"),
            (2 * DAY - 1, "2 days"),
            (10 * DAY + 11 * HOUR, "10 days"),
            (u64::MAX / 2, "106751991167301 days"),
        ] {
            assert_eq!(roughly(seconds), words, "{seconds}");
        }
    }
}
