//! How rows become what the domain knows.

use super::super::{Client, SecretVersion, StoreError, StoredSigningKey};
use crate::server::{
    clock::Timestamp,
    domain::{
        email::Email,
        key_schedule::KeyTimes,
        session::{EndReason, Ended, Generation, LoginMethod, Session, SessionId},
        user::{DisplayName, PasswordHash, User, UserId},
    },
    keyring::Sealed,
};
use sqlx::FromRow;
use uuid::Uuid;

pub(super) fn id_bytes(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

pub(super) fn id(bytes: &[u8]) -> Result<Uuid, StoreError> {
    Uuid::from_slice(bytes).map_err(|_| StoreError::Corrupt("id"))
}

#[derive(FromRow)]
pub(super) struct UserRow {
    id: Vec<u8>,
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
            id: UserId::from_uuid(id(&row.id)?),
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
    id: Vec<u8>,
    user_id: Vec<u8>,
    client_id: String,
    method: String,
    began_at: i64,
    expires_at: i64,
    generation: u32,
    rotated_at: i64,
    delivered: u32,
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
            id: SessionId::from_uuid(id(&row.id)?),
            user_id: UserId::from_uuid(id(&row.user_id)?),
            client_id: row.client_id,
            method: LoginMethod::from_amr(&row.method).ok_or(StoreError::Corrupt("login method"))?,
            began_at: Timestamp::from_millis(row.began_at),
            expires_at: Timestamp::from_millis(row.expires_at),
            generation: Generation::new(row.generation),
            rotated_at: Timestamp::from_millis(row.rotated_at),
            delivered: Generation::new(row.delivered),
            ended,
            address: row.address,
            user_agent: row.user_agent,
        })
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
            id: row.session.user_id.clone(),
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
    number: u32,
    id: String,
    sealed: Vec<u8>,
    created_at: i64,
    signs_from: i64,
}

impl From<SigningKeyRow> for StoredSigningKey {
    fn from(row: SigningKeyRow) -> Self {
        Self {
            times: KeyTimes { number: row.number, signs_from: Timestamp::from_millis(row.signs_from) },
            id: row.id,
            sealed: Sealed::from_stored(row.sealed),
            created_at: Timestamp::from_millis(row.created_at),
        }
    }
}

#[derive(FromRow)]
pub(super) struct SecretVersionRow {
    version: u8,
    fingerprint: Vec<u8>,
    needed_until: i64,
}

impl TryFrom<SecretVersionRow> for SecretVersion {
    type Error = StoreError;

    fn try_from(row: SecretVersionRow) -> Result<Self, StoreError> {
        let fingerprint = row.fingerprint.try_into().map_err(|_| StoreError::Corrupt("fingerprint"))?;
        let needed_until = Timestamp::from_millis(row.needed_until);
        Ok(Self { version: row.version, fingerprint, needed_until })
    }
}
