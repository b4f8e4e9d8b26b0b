#!/usr/bin/env perl
# Verifies a hash of the scheme `latchkey` with nothing of Latchkey: verify-exported-hash.pl HASH < PASSWORD (UTF-8, without a line end).
# Exit 0: right, 1: wrong, 2: unreadable. Needs Perl's own modules and a crypt(3) that knows bcrypt (libxcrypt: Debian, Fedora, ...).
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256);
use Encode qw(decode encode);
use MIME::Base64 qw(encode_base64);
use Unicode::Normalize qw(NFC);

my ($cost, $salt, $digest) = ($ARGV[0] // '') =~ m{^\$bcrypt-sha256\$v=2,t=2b,r=(\d+)\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})$}
  or exit 2;
local $/;
my $password = encode('UTF-8', NFC(decode('UTF-8', <STDIN>)));
my $key = encode_base64(hmac_sha256($password, $salt), '');
my $setting = sprintf '$2b$%02d$%s', $cost, $salt;
exit((crypt($key, $setting) // '') eq $setting . $digest ? 0 : 1);
