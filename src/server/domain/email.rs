//! E-mail addresses: shown as typed, compared by one canonical key.

use crate::validation::FieldProblem;
use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use std::fmt;

/// An e-mail address as its owner typed it, together with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    typed: String,
    key: EmailKey,
}

/// The canonical form by which addresses are compared and found: NFKC, the local part case-folded, the domain in
/// IDNA's ASCII form. Two spellings of one mailbox have one key; `+tag` stays, because it may be another mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EmailKey(String);

impl Email {
    /// The longest address (RFC 5321 §4.5.3.1.3, less the angle brackets), in bytes.
    pub const MAX_BYTES: usize = 254;
    const MAX_LOCAL_BYTES: usize = 64;

    /// Parses an address as typed.
    ///
    /// The grammar is stricter than RFC 5322: one `@`, a dot-atom before it (RFC 6531 lets it be Unicode), a domain
    /// name of at least two labels after it. No quotes, comments or literals, so that an address can never be read
    /// as two of them.
    ///
    /// # Errors
    ///
    /// The [`FieldProblem`] to show next to the field.
    pub fn parse(typed: &str) -> Result<Self, FieldProblem> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Err(FieldProblem::Required);
        }
        let key = EmailKey::of(typed).ok_or(FieldProblem::NotAnEmail)?;
        Ok(Self { typed: typed.to_owned(), key })
    }

    #[must_use]
    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    #[must_use]
    pub const fn key(&self) -> &EmailKey {
        &self.key
    }

    /// The part before the `@`, in its canonical form.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.key.0.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

impl EmailKey {
    /// The key of an address; `None` if it is not an acceptable address.
    #[must_use]
    pub fn of(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        if typed.is_empty() || typed.len() > Email::MAX_BYTES {
            return None;
        }
        let normal = ComposingNormalizerBorrowed::new_nfkc().normalize(typed);
        let (local, domain) = normal.split_once('@')?;
        let local = CaseMapper::new().fold_string(local);
        // Folding can undo the composition (U+0130); normalise once more, so that the key is a fixed point.
        let local = ComposingNormalizerBorrowed::new_nfkc().normalize(&local);
        let is_dot_atom = local.len() <= Email::MAX_LOCAL_BYTES
            && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char));
        if !is_dot_atom {
            return None;
        }
        let domain = idna::domain_to_ascii_strict(domain.strip_suffix('.').unwrap_or(domain)).ok()?;
        let is_host =
            domain.split('.').count() >= 2 && domain.split('.').all(|label| !label.is_empty()) && domain.len() <= 253;
        let is_number = domain.rsplit('.').next().is_some_and(|top| top.bytes().all(|byte| byte.is_ascii_digit()));
        (is_host && !is_number).then(|| Self(format!("{local}@{domain}")))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `atext` of RFC 5322 §3.2.3, and any letter, mark or number beyond ASCII (RFC 6531 §3.3).
fn is_atom_char(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~".contains(c)
        || (!c.is_ascii() && (c.is_alphanumeric() || is_mark(c)))
}

/// Combining marks are no letters to `char::is_alphanumeric`, but names are written with them.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{93c}' | '\u{93e}'..='\u{94d}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(typed: &str) -> Option<String> {
        EmailKey::of(typed).map(|key| key.0)
    }

    #[test]
    fn spellings_of_one_mailbox_have_one_key() {
        let groups: [&[&str]; 5] = [
            &["Ada@Example.COM", "ada@example.com", " ada@example.com ", "ada@example.com.", "ａｄａ@example.com"],
            &["ﬁn@example.com", "fin@example.com", "FIN@example.com"],
            &["\u{212a}elvin@example.com", "kelvin@example.com"],
            &["straße@example.com", "STRASSE@example.com"],
            &["ada@bücher.example", "ada@BÜCHER.example", "ada@xn--bcher-kva.example"],
        ];
        for group in groups {
            for spelling in group {
                assert_eq!(key(spelling), key(group[0]), "{spelling:?}");
                assert!(key(spelling).is_some(), "{spelling:?}");
            }
        }
    }

    #[test]
    fn different_mailboxes_stay_different() {
        assert_ne!(key("ada+news@example.com"), key("ada@example.com"));
        assert_ne!(key("a.da@example.com"), key("ada@example.com"));
        // Turkish dotted capital I is not the letter i.
        assert_ne!(key("ADM\u{130}N@example.com"), key("admin@example.com"));
    }

    #[test]
    fn a_key_is_its_own_key() {
        for typed in ["ADM\u{130}N@example.com", "ﬁ@bücher.example", "Ada.Lovelace+x@EXAMPLE.com", "ΣΑΣ@example.com"]
        {
            let once = key(typed).expect("an address");
            assert_eq!(key(&once), Some(once.clone()), "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for typed in [
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "ada@@example.com",
            "a@b@example.com",
            "a@b.com, c@d.com",
            "\"a b\"@example.com",
            "a b@example.com",
            "ada@example..com",
            ".ada@example.com",
            "ada.@example.com",
            "a..b@example.com",
            "ada@exa mple.com",
            "ada@-example.com",
            "ada@[127.0.0.1]",
            "ada@127.0.0.1",
            "ada@example.com\r\nBcc: x@y.z",
            "a\u{0}@example.com",
            "<ada@example.com>",
            &long,
        ] {
            assert_eq!(Email::parse(typed), Err(FieldProblem::NotAnEmail), "{typed:?}");
        }
        assert_eq!(Email::parse("  "), Err(FieldProblem::Required));
    }

    #[test]
    fn the_address_is_shown_as_typed() {
        let email = Email::parse(" Ada@Example.COM ").expect("an address");
        assert_eq!(
            (email.as_typed(), email.key().as_str(), email.local_part()),
            ("Ada@Example.COM", "ada@example.com", "ada")
        );
    }
}
