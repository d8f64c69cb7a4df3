"""Authorities and certificates, made by the openssl program."""

import os


class Authority:
    """One that signs with keys of P-256; its files lie in a directory of its own."""

    def __init__(self, area, name):
        self.area = area
        self.directory = area.directory(name)
        self.certificate = self._path("ca.crt")
        self._key = self._path("ca.key")
        self._database = self._path("index")
        self._config = self._path("config")
        area.write_file(self._database, "")
        area.write_file(self._config, f"[ca]\ndefault_ca = own\n[own]\ndatabase = {self._database}\n"
                                      "default_md = sha256\ndefault_crl_days = 2\n")
        self._openssl("req", "-x509", *self._NEW_KEY, "-days", 2, "-subj", f"/CN={name}",
                      "-keyout", self._key, "-out", self.certificate)

    _NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    def issue(self, name, subject, alternative=None, days=2):
        """A certificate in NAME.crt and its key in NAME.key: their paths. With -1 days it has
        expired."""
        certificate, key = self._path(f"{name}.crt"), self._path(f"{name}.key")
        request, extensions = self._path(f"{name}.csr"), self._path(f"{name}.ext")
        self.area.write_file(extensions, f"subjectAltName=DNS:{alternative}\n" if alternative else "")
        self._openssl("req", *self._NEW_KEY, "-subj", subject, "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key,
                      "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", certificate)
        os.chmod(key, 0o600)
        return certificate, key

    def revoke(self, *certificates):
        """Revokes certificates, and returns the path of the list of all."""
        for certificate in certificates:
            self._openssl("ca", "-config", self._config, "-keyfile", self._key, "-cert",
                          self.certificate, "-revoke", certificate)
        path = self._path("list.crl")
        self._openssl("ca", "-config", self._config, "-keyfile", self._key, "-cert",
                      self.certificate, "-gencrl", "-out", path)
        return path

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _openssl(self, *arguments):
        self.area.run(["openssl", *arguments])
