-- Clients have two secrets while they change them. The client "web" is known without being registered.

DELETE FROM clients WHERE id = 'web';
ALTER TABLE clients ADD COLUMN audience TEXT;
ALTER TABLE clients ADD COLUMN previous_secret_hash BLOB CHECK (length(previous_secret_hash) = 32);
