package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// pki is a directory with a certificate authority, the key that signs service
// account tokens, the serving certificate and the bearer token of the admin.
type pki struct {
	dir        string
	ca         *x509.Certificate
	caKey      crypto.Signer
	caPEM      []byte
	adminToken string
}

func (p *pki) file(name string) string { return filepath.Join(p.dir, name) }

// loadPKI opens the directory, or makes it. The serving certificate is new
// each time, so that a start that was cut short here leaves nothing half done.
func loadPKI(dir string) (*pki, error) {
	p, err := openPKI(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createPKI(dir); err != nil {
			return nil, err
		}
		p, err = openPKI(dir)
	}
	if err != nil {
		return nil, err
	}
	cert, key, err := p.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "kubernetes.default.svc"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	if err != nil {
		return nil, err
	}
	return p, errors.Join(writeFile(p.file("apiserver.crt"), cert), writeFile(p.file("apiserver.key"), key))
}

func openPKI(dir string) (*pki, error) {
	p := &pki{dir: dir}
	token, err := os.ReadFile(p.file("tokens.csv"))
	if err != nil {
		return nil, err
	}
	p.adminToken, _, _ = strings.Cut(string(token), ",")
	keyPEM, err := os.ReadFile(p.file("ca.key"))
	if err != nil {
		return nil, err
	}
	if p.caPEM, err = os.ReadFile(p.file("ca.crt")); err != nil {
		return nil, err
	}
	certBlock, _ := pem.Decode(p.caPEM)
	keyBlock, _ := pem.Decode(keyPEM)
	if certBlock == nil || keyBlock == nil {
		return nil, fmt.Errorf("%s: no PEM in ca.crt or ca.key", dir)
	}
	if p.ca, err = x509.ParseCertificate(certBlock.Bytes); err != nil {
		return nil, err
	}
	p.caKey, err = x509.ParseECPrivateKey(keyBlock.Bytes)
	return p, err
}

func createPKI(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, keyPEM, err := newKey()
	if err != nil {
		return err
	}
	_, serviceAccountKey, err := newKey()
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "controlplane-ca"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	return errors.Join(
		writeFile(filepath.Join(dir, "ca.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		writeFile(filepath.Join(dir, "ca.key"), keyPEM),
		writeFile(filepath.Join(dir, "sa.key"), serviceAccountKey),
		writeFile(filepath.Join(dir, "tokens.csv"), []byte(rand.Text()+",admin,admin,system:masters\n")),
	)
}

// sign makes a key and a certificate for it, valid as long as the authority.
func (p *pki) sign(template *x509.Certificate) (certPEM, keyPEM []byte, err error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100)); err != nil {
		return nil, nil, err
	}
	template.NotBefore = p.ca.NotBefore
	template.NotAfter = p.ca.NotAfter
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, p.ca, key.Public(), p.caKey)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), keyPEM, nil
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}
