//! How rows become what the domain knows. Both databases give the same ones.

use super::{Client, EndedSession, SecretVersion, StoreError, StoredSigningKey};
use crate::server::{
    clock::Timestamp,
    domain::{
        email::Email,
        key_schedule::KeyTimes,
        session::{EndReason, Ended, Generation, LoginMethod, ReusedSession, Session, SessionId},
        user::{DisplayName, PasswordHash, User, UserId},
    },
    keyring::Sealed,
};
use sqlx::FromRow;
use uuid::Uuid;

#[derive(FromRow)]
pub(super) struct UserRow {
    id: Uuid,
    email: String,
    display_name: String,
    password_hash: String,
    created_at: i64,
    disabled_at: Option<i64>,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId::from_uuid(row.id),
            email: Email::parse(&row.email).map_err(|_| StoreError::Corrupt("e-mail address"))?,
            display_name: DisplayName::from_stored(row.display_name),
            password: PasswordHash::from_phc(row.password_hash),
            created_at: Timestamp::from_millis(row.created_at),
            disabled_at: row.disabled_at.map(Timestamp::from_millis),
        })
    }
}

#[derive(FromRow)]
pub(super) struct SessionRow {
    id: Uuid,
    user_id: Uuid,
    client_id: String,
    method: String,
    began_at: i64,
    expires_at: i64,
    generation: i64,
    rotated_at: i64,
    delivered: i64,
    ended_at: Option<i64>,
    end_reason: Option<String>,
    address: String,
    user_agent: String,
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        let ended = match (row.ended_at, row.end_reason) {
            (Some(at), Some(reason)) => {
                let reason = EndReason::from_code(&reason).ok_or(StoreError::Corrupt("end reason"))?;
                Some(Ended { at: Timestamp::from_millis(at), reason })
            }
            _ => None,
        };
        Ok(Self {
            id: SessionId::from_uuid(row.id),
            user_id: UserId::from_uuid(row.user_id),
            client_id: row.client_id,
            method: LoginMethod::from_amr(&row.method).ok_or(StoreError::Corrupt("login method"))?,
            began_at: Timestamp::from_millis(row.began_at),
            expires_at: Timestamp::from_millis(row.expires_at),
            generation: generation(row.generation)?,
            rotated_at: Timestamp::from_millis(row.rotated_at),
            delivered: generation(row.delivered)?,
            ended,
            address: row.address,
            user_agent: row.user_agent,
        })
    }
}

/// Postgres has no unsigned integers.
fn generation(number: i64) -> Result<Generation, StoreError> {
    u32::try_from(number).map(Generation::new).map_err(|_| StoreError::Corrupt("generation"))
}

#[derive(FromRow)]
pub(super) struct EndedSessionRow {
    id: Uuid,
    ended_at: i64,
}

impl From<EndedSessionRow> for EndedSession {
    fn from(row: EndedSessionRow) -> Self {
        Self { id: SessionId::from_uuid(row.id), at: Timestamp::from_millis(row.ended_at) }
    }
}

#[derive(FromRow)]
pub(super) struct ReusedSessionRow {
    #[sqlx(flatten)]
    session: SessionRow,
    reused_from: Option<String>,
}

impl TryFrom<ReusedSessionRow> for ReusedSession {
    type Error = StoreError;

    fn try_from(row: ReusedSessionRow) -> Result<Self, StoreError> {
        let session = Session::try_from(row.session)?;
        let at = session.ended.ok_or(StoreError::Corrupt("end of a session"))?.at;
        // Not noted by versions that did not know this column yet.
        Ok(Self { session, at, from: row.reused_from.unwrap_or_default() })
    }
}

#[derive(FromRow)]
pub(super) struct SessionWithUserRow {
    #[sqlx(flatten)]
    session: SessionRow,
    email: String,
    display_name: String,
    password_hash: String,
    created_at: i64,
    disabled_at: Option<i64>,
}

impl TryFrom<SessionWithUserRow> for (Session, User) {
    type Error = StoreError;

    fn try_from(row: SessionWithUserRow) -> Result<Self, StoreError> {
        let user = UserRow {
            id: row.session.user_id,
            email: row.email,
            display_name: row.display_name,
            password_hash: row.password_hash,
            created_at: row.created_at,
            disabled_at: row.disabled_at,
        };
        Ok((row.session.try_into()?, user.try_into()?))
    }
}

#[derive(FromRow)]
pub(super) struct ClientRow {
    id: String,
    audience: Option<String>,
    secret_hash: Vec<u8>,
    previous_secret_hash: Option<Vec<u8>>,
    created_at: i64,
}

impl TryFrom<ClientRow> for Client {
    type Error = StoreError;

    fn try_from(row: ClientRow) -> Result<Self, StoreError> {
        let hash = |bytes: Vec<u8>| bytes.try_into().map_err(|_| StoreError::Corrupt("client secret hash"));
        Ok(Self {
            id: row.id,
            audience: row.audience,
            secret_hash: hash(row.secret_hash)?,
            previous_secret_hash: row.previous_secret_hash.map(hash).transpose()?,
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}

#[derive(FromRow)]
pub(super) struct SigningKeyRow {
    number: i64,
    id: String,
    sealed: Vec<u8>,
    created_at: i64,
    signs_from: i64,
}

impl TryFrom<SigningKeyRow> for StoredSigningKey {
    type Error = StoreError;

    fn try_from(row: SigningKeyRow) -> Result<Self, StoreError> {
        let number = u32::try_from(row.number).map_err(|_| StoreError::Corrupt("number of a signing key"))?;
        Ok(Self {
            times: KeyTimes { number, signs_from: Timestamp::from_millis(row.signs_from) },
            id: row.id,
            sealed: Sealed::from_stored(row.sealed),
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}

#[derive(FromRow)]
pub(super) struct SecretVersionRow {
    version: i64,
    fingerprint: Vec<u8>,
    needed_until: i64,
}

impl TryFrom<SecretVersionRow> for SecretVersion {
    type Error = StoreError;

    fn try_from(row: SecretVersionRow) -> Result<Self, StoreError> {
        let version = row.version.try_into().map_err(|_| StoreError::Corrupt("version of the master secret"))?;
        let fingerprint = row.fingerprint.try_into().map_err(|_| StoreError::Corrupt("fingerprint"))?;
        let needed_until = Timestamp::from_millis(row.needed_until);
        Ok(Self { version, fingerprint, needed_until })
    }
}
