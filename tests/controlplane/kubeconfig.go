package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// writeUser writes a kubeconfig for a user of the control plane that has, or
// had, this data directory. The process need not run.
func writeUser(dir dataDir, name string, groups []string, path string) error {
	p, err := openPKI(dir.pki())
	if err != nil {
		return err
	}
	url, err := os.ReadFile(dir.url())
	if err != nil {
		return err
	}
	return p.writeKubeconfig(path, string(url), name, groups)
}

// writeKubeconfig writes a kubeconfig with a new client certificate, whose
// common name is the user and whose organizations are the groups.
func (p *pki) writeKubeconfig(path, url, name string, groups []string) error {
	cert, key, err := p.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return err
	}
	data, err := clientcmd.Write(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"controlplane": {Server: url, CertificateAuthorityData: p.caPEM}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{name: {ClientCertificateData: cert, ClientKeyData: key}},
		Contexts:       map[string]*clientcmdapi.Context{"controlplane": {Cluster: "controlplane", AuthInfo: name, Namespace: "default"}},
		CurrentContext: "controlplane",
	})
	if err != nil {
		return err
	}
	return writeFile(path, data)
}
