use super::{destination, state};

#[test]
fn destinations() {
    insta::assert_snapshot!(destination("{endpoint: http://c, service: webdav}"), @r"
    laptop.yml has 2 problems

    laptop.yml:5:3: destinations.cloud.url: this key is missing
        5 |   cloud: {endpoint: http://c, service: webdav}
          |   ^^^^^

    laptop.yml:5:11: destinations.cloud.endpoint: unknown key; allowed: service, url, username, password, password_file, password_command
        5 |   cloud: {endpoint: http://c, service: webdav}
          |           ^^^^^^^^
    ");
    insta::assert_snapshot!(destination("{join: /j, bucket: alice}"), @r"
    laptop.yml:5:21: destinations.cloud.bucket: the join file says this already; give one or the other
        5 |   cloud: {join: /j, bucket: alice}
          |                     ^^^^^^
    ");
    insta::assert_snapshot!(destination("{}"), @r"
    laptop.yml:5:3: destinations.cloud.join: this key is missing; give join, or endpoint, bucket, access_key_id and secret_access_key
        5 |   cloud: {}
          |   ^^^^^
    ");
}

#[test]
fn destinations_have_the_keys_of_their_service() {
    insta::assert_snapshot!(destination("{service: ftp, path: /x}"), @r"
    laptop.yml:5:20: destinations.cloud.service: `ftp` is not possible here; allowed: s3, fs, webdav, sftp (did you mean `sftp`?)
        5 |   cloud: {service: ftp, path: /x}
          |                    ^^^
    ");
    insta::assert_snapshot!(destination("{service: fs, url: /x}"), @r"
    laptop.yml has 2 problems

    laptop.yml:5:3: destinations.cloud.path: this key is missing
        5 |   cloud: {service: fs, url: /x}
          |   ^^^^^

    laptop.yml:5:24: destinations.cloud.url: unknown key; allowed: service, path
        5 |   cloud: {service: fs, url: /x}
          |                        ^^^
    ");
    insta::assert_snapshot!(destination("{service: webdav, url: \"dav.example.org\", username: anna}"), @r#"
    laptop.yml has 2 problems

    laptop.yml:5:3: destinations.cloud.password: this key is missing; give it, password_file or password_command
        5 |   cloud: {service: webdav, url: "dav.example.org", username: anna}
          |   ^^^^^

    laptop.yml:5:33: destinations.cloud.url: `dav.example.org` is not the address of a WebDAV folder; write it like https://dav.example.org/files/anna
        5 |   cloud: {service: webdav, url: "dav.example.org", username: anna}
          |                                 ^^^^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(destination("{service: webdav, url: \"https://a:b@dav.example.org\", password: sesame}"), @r"
    laptop.yml has 2 problems

    laptop.yml:5:3: destinations.cloud.username: this key is missing

    laptop.yml:5:33: destinations.cloud.url: an address holds no user name or password; there are keys for them
    ");
    insta::assert_snapshot!(destination("{service: sftp, host: anna@box, port: 0, identity: /k}"), @r"
    laptop.yml has 4 problems

    laptop.yml:5:3: destinations.cloud.path: this key is missing
        5 |   cloud: {service: sftp, host: anna@box, port: 0, identity: /k}
          |   ^^^^^

    laptop.yml:5:32: destinations.cloud.host: `anna@box` is not a host; write it like u12345.your-storagebox.de, without user and path
        5 |   cloud: {service: sftp, host: anna@box, port: 0, identity: /k}
          |                                ^^^^^^^^

    laptop.yml:5:48: destinations.cloud.port: `0` is not a port; use a number from 1 to 65535
        5 |   cloud: {service: sftp, host: anna@box, port: 0, identity: /k}
          |                                                ^

    laptop.yml:5:51: destinations.cloud.identity: unknown key; allowed: service, host, port, user, identity_file, known_hosts, path
        5 |   cloud: {service: sftp, host: anna@box, port: 0, identity: /k}
          |                                                   ^^^^^^^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\ndestinations: [cloud, cloud]"), @r"
    laptop.yml:8:19: states.documents.destinations: `cloud` is in this list twice
        8 |     destinations: [cloud, cloud]
          |                   ^
    ");
}
