# Runs programs of this Debian as people and attackers use them, in a mount
# namespace with a copy of /etc, and a /dev/log of the test's own. After each, the
# mark says what it should be known as; "-" is nothing.
#
#   unshare -m bash programs.sh SCRATCH   (SCRATCH/log is the socket)
set -e
s=$1
mkdir -p "$s/etc" "$s/dev" "$s/spool" "$s/run" "$s/sshd"
cp -a /etc/. "$s/etc/"
mount --make-rprivate /
mount --bind "$s/etc" /etc
mount -t tmpfs tmpfs "$s/dev"
for d in null zero full random urandom tty; do
  : > "$s/dev/$d"
  mount --bind "/dev/$d" "$s/dev/$d"
done
mkdir "$s/dev/pts" "$s/dev/shm"
mount --bind /dev/pts "$s/dev/pts"
ln -s pts/ptmx "$s/dev/ptmx"
ln -s /proc/self/fd "$s/dev/fd"
ln -s "$s/log" "$s/dev/log"
mount --move "$s/dev" /dev
mkdir -p /run/sudo /var/spool/cron /run/sshd
mount --bind "$s/spool" /var/spool/cron
mount --bind "$s/run" /run/sudo
mount --bind "$s/sshd" /run/sshd
mkdir -p /var/spool/cron/crontabs
rm -rf /etc/cron.d/* && : > /etc/crontab
sed -i 's/pam_unix.so nullok/& nodelay/' /etc/pam.d/common-auth
sed -i 's/^FAIL_DELAY.*/FAIL_DELAY 0/' /etc/login.defs
sed -i 's/^auth .*pam_faildelay.*//' /etc/pam.d/*
echo 'Defaults !mail_badpass, !mail_no_user, !mail_no_perms, !mail_always' > /etc/sudoers.d/quiet
chmod 440 /etc/sudoers.d/quiet

mark() { logger --socket /dev/log --tag mark "$*"; }
act() {
  want=$1
  shift
  "$@" > /dev/null 2>&1 < /dev/null || true
  mark "$want"
}
as() { user=$1; shift; setpriv --reuid="$user" --regid="$user" --init-groups "$@"; }
# Functions for the shells that act starts.
typed() { printf '%s\n' "$1"; }
wrong_su() { typed wrong | as mallory su root -c true; }
right_su() { typed Secret-7-secret | as mallory su toor -c true; }
guess_sudo() { printf 'a\nb\nc\n' | as mallory sudo -S true; }
outsider() { typed x | setpriv --reuid=nobody --regid=nogroup --clear-groups sudo -S true; }
no_password() { as mallory sudo -n true; }
passwords() { typed "$1:Secret-7-secret" | chpasswd; }
schedule() { typed '* * * * * true' | crontab -; }
broken_table() {
  echo '99 99 * * * root true' > /etc/cron.d/broken
  timeout 2 cron -f
  rm /etc/cron.d/broken
}

act user_added useradd mallory
act user_added_as_root useradd -o -u 0 toor
act 'user_privileged user_privileged' usermod -aG sudo mallory
act user_privileged gpasswd -a mallory adm
act - gpasswd -a mallory audio
act - usermod -c 'Mallory, project office' mallory
act - groupadd bids
act password_changed passwords mallory
act password_changed passwords toor
act - su mallory -c true
act su_to right_su
act 'pam_failed su_failed' wrong_su
act sudo_command sudo true
act sudo_command sudo -u mallory sh -c 'echo Accepted password for root from 192.0.2.1 port 22 ssh2'
act 'pam_failed sudo_refused' guess_sudo
act 'pam_failed sudo_refused' outsider
act sudo_refused no_password
act cron_changed schedule
act - crontab -l
act cron_changed crontab -r
act 'cron_failed cron_failed' broken_table
act - logger --socket /dev/log --tag app 'Failed password for root from 203.0.113.7 port 22 ssh2'
act - logger --socket /dev/log --tag app 'kernel: Out of memory: Killed process 1 (x)'
act - logger --socket /dev/log --tag app "add 'li' to group 'sudo' is what the manual says"
act - logger --socket /dev/log --tag app '用户登录失败三次，请联系管理员'

# sshd with PAM; the test logs in and says what each try should be known as.
echo "UsePAM yes
PermitRootLogin yes
PasswordAuthentication yes
MaxAuthTries 3
PidFile none
ListenAddress 127.0.0.1" > "$s/sshd_config"
ssh-keygen -q -t ed25519 -N '' -f "$s/host"
/usr/sbin/sshd -D -f "$s/sshd_config" -h "$s/host" -p "$2" &
sshd=$!
echo ready
while read -r want; do
  mark "$want"
  echo marked
done
kill $sshd
wait $sshd || true
act user_removed userdel -f mallory
act user_removed userdel -f toor
act - groupdel bids
