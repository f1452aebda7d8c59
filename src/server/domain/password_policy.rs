//! Which passwords are accepted (NIST SP 800-63B §3.1.1, ASVS 6.2): long enough, not tried first, not personal,
//! not quickly guessed. No rules about kinds of characters, no expiry.

use super::email::EmailKey;
use crate::{server::redacted::redacted, validation::FieldProblem};
use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use zxcvbn::{Score, zxcvbn};

/// The longest password, in bytes as typed. Longer ones are refused before any work is done, never cut.
pub const MAX_BYTES: usize = 1024;

/// The estimate takes more than linear time; a password this long is not guessed anyway.
const ESTIMATED_CHARS: usize = 72;

/// Sorted bytewise, after the two lines that say where it comes from.
///
/// zxcvbn (3.1.1) is no substitute: by its score alone 830 of these 8,343 passwords would pass, up to the highest score,
/// and only 3,124 of them are common by its feedback.
const COMMON_PASSWORDS: &str = include_str!("common_passwords.txt");

/// A password as typed, on its way to the hash. Never shown, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct PlainPassword(String);

impl PlainPassword {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The form that is hashed: PRECIS `OpaqueString` (RFC 8265 §4.2), which is NFC with every kind of space mapped to
    /// U+0020. No trimming, no change of case. `None` if it is longer than `MAX_BYTES`.
    #[must_use]
    pub fn normal(&self) -> Option<NormalPassword> {
        if self.0.len() > MAX_BYTES {
            return None;
        }
        let spaces: String = self.0.chars().map(|c| if is_space_separator(c) { ' ' } else { c }).collect();
        Some(NormalPassword(ComposingNormalizerBorrowed::new_nfc().normalize(&spaces).into_owned()))
    }
}

impl From<String> for PlainPassword {
    fn from(typed: String) -> Self {
        Self(typed)
    }
}

redacted!(PlainPassword);

/// A password in the form in which it is hashed and compared.
#[derive(Clone, PartialEq, Eq)]
pub struct NormalPassword(String);

impl NormalPassword {
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

redacted!(NormalPassword);

/// The rules for a new password.
#[derive(Clone, Copy, Debug)]
pub struct PasswordPolicy {
    /// The shortest password, in Unicode code points. Never below 8 (NIST SP 800-63B §3.1.1.2).
    pub min_chars: u32,
}

/// The assessment of a password by the policy.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// `0` to `4`, by zxcvbn.
    pub score: u8,
    /// The accepted password in the form to hash, or why it is refused.
    pub accepted: Result<NormalPassword, FieldProblem>,
}

impl PasswordPolicy {
    /// Assesses a password for an account with `email` and `display_name`; either may still be empty or invalid.
    #[must_use]
    pub fn assess(&self, password: &PlainPassword, email: &str, display_name: &str) -> Assessment {
        let refused = |score, problem| Assessment { score, accepted: Err(problem) };
        if password.0.is_empty() {
            return refused(0, FieldProblem::Required);
        }
        let Some(normal) = password.normal() else {
            let max = u32::try_from(MAX_BYTES).unwrap_or(u32::MAX);
            return refused(4, FieldProblem::TooLong { max });
        };
        let folded = fold(&normal.0);
        let personal = personal_words(email, display_name);
        let score = score_of(&normal.0, &personal);
        if normal.0.chars().nth(self.min_chars.saturating_sub(1) as usize).is_none() {
            return refused(score, FieldProblem::TooShort { min: self.min_chars });
        }
        if is_common(&folded) {
            return refused(0, FieldProblem::CommonPassword);
        }
        if personal.contains(&folded) {
            return refused(0, FieldProblem::PersonalPassword);
        }
        if score <= u8::from(Score::One) {
            return refused(score, FieldProblem::GuessablePassword);
        }
        Assessment { score, accepted: Ok(normal) }
    }
}

fn score_of(password: &str, personal: &[String]) -> u8 {
    let estimated: String = password.chars().take(ESTIMATED_CHARS).collect();
    let personal: Vec<&str> = personal.iter().map(String::as_str).collect();
    u8::from(zxcvbn(&estimated, &personal).score())
}

/// Words that only an attacker of this user would try, case-folded.
fn personal_words(email: &str, display_name: &str) -> Vec<String> {
    let mut words = vec!["tokenlife".to_owned(), fold(display_name.trim()), fold(email.trim())];
    words.push(fold(display_name).split_whitespace().collect());
    if let Some(key) = EmailKey::of(email) {
        words.extend(key.as_str().split('@').map(str::to_owned));
        words.push(key.as_str().to_owned());
    }
    words.retain(|word| !word.is_empty());
    words
}

fn fold(text: &str) -> String {
    CaseMapper::new().fold_string(text).into_owned()
}

fn is_common(folded: &str) -> bool {
    let start = COMMON_PASSWORDS.match_indices('\n').nth(1).map_or(0, |(end_of_header, _)| end_of_header + 1);
    let list = COMMON_PASSWORDS.get(start..).unwrap_or_default().as_bytes();
    binary_search_lines(list, folded.as_bytes())
}

/// Binary search for a line in sorted text, without splitting it first.
fn binary_search_lines(mut lines: &[u8], wanted: &[u8]) -> bool {
    while !lines.is_empty() {
        let middle = lines.len() / 2;
        let start = lines.iter().take(middle).rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let end = lines.iter().skip(start).position(|byte| *byte == b'\n').map_or(lines.len(), |length| start + length);
        match lines.get(start..end).unwrap_or_default().cmp(wanted) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => lines = lines.get(end + 1..).unwrap_or_default(),
            std::cmp::Ordering::Greater => lines = lines.get(..start.saturating_sub(1)).unwrap_or_default(),
        }
    }
    false
}

/// Unicode's space separators beyond ASCII (general category Zs).
const fn is_space_separator(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: PasswordPolicy = PasswordPolicy { min_chars: 8 };

    fn refusal(password: &str) -> Option<FieldProblem> {
        POLICY.assess(&password.to_owned().into(), "ada.lovelace@example.com", "Ada Lovelace").accepted.err()
    }

    #[test]
    fn length_counts_code_points() {
        assert_eq!(refusal(""), Some(FieldProblem::Required));
        assert_eq!(refusal("kX9#pü7"), Some(FieldProblem::TooShort { min: 8 }));
        assert_eq!(refusal("kX9#pü7z"), None);
        let strict = PasswordPolicy { min_chars: 15 };
        let refused = |text: &str| strict.assess(&text.to_owned().into(), "", "").accepted.err();
        assert_eq!(refused("vqkz mdwx plrt"), Some(FieldProblem::TooShort { min: 15 }));
        assert_eq!(refused("vqkz mdwx plrtu"), None);
    }

    #[test]
    fn long_passwords_are_accepted_whole_and_too_long_ones_refused_unseen() {
        let emoji: String = "🦀🐙🐳🐝".chars().cycle().take(64).collect();
        assert_ne!(refusal(&emoji), Some(FieldProblem::TooLong { max: 1024 }));
        let long = "correct horse battery staple ".repeat(30);
        assert_eq!(refusal(&long), None);
        assert_eq!(refusal(&"kX9#p".repeat(200_000)), Some(FieldProblem::TooLong { max: 1024 }));
    }

    #[test]
    fn there_are_no_composition_rules() {
        assert_eq!(refusal("vermilion otter juggles"), None);
        assert_eq!(refusal("aaaaaaaaaaaaaaaaaaaa"), Some(FieldProblem::GuessablePassword));
        assert_eq!(refusal("Password1!Password1!"), Some(FieldProblem::GuessablePassword));
    }

    #[test]
    fn every_password_of_the_list_is_refused_in_any_case() {
        let list: Vec<&str> = COMMON_PASSWORDS.lines().filter(|line| !line.starts_with("# ")).collect();
        assert!(list.len() > 8000);
        assert!(list.is_sorted());
        for password in &list {
            assert!(is_common(password), "{password}");
        }
        for password in ["PassWord1", "SUNSHINE", "iloveyou"] {
            assert!(is_common(&fold(password)), "{password}");
        }
        assert!(!is_common("# passwords that are tried first"));
        assert!(!is_common("") && !is_common("zzzzzzzzzzzzzzzz") && !is_common("vermilion otter"));
    }

    #[test]
    fn words_of_the_person_are_refused() {
        for password in
            ["Ada Lovelace", "adalovelace", "ADA.LOVELACE", "ada.lovelace@example.com", "example.com", "TokenLife"]
        {
            let problem = refusal(password);
            assert!(
                matches!(problem, Some(FieldProblem::PersonalPassword | FieldProblem::CommonPassword)),
                "{password}: {problem:?}"
            );
        }
    }

    #[test]
    fn one_password_in_two_encodings_is_one_password() {
        let normal = |text: &str| PlainPassword::from(text.to_owned()).normal();
        assert_eq!(normal("cafe\u{301} crème"), normal("café\u{a0}crème"));
        assert_ne!(normal("trailing "), normal("trailing"));
        assert_ne!(normal("Case"), normal("case"));
    }
}
