/// What a trainer gets of the worker's environment.
package enum TrainerEnvironment {
    /// A trainer gets what programs need to run, not what the worker was told (its token least of all).
    package static func allowed(_ environment: [String: String]) -> [String: String] {
        let names: Set<String> = [
            "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH",
            "PYTHONPATH",
            "VIRTUAL_ENV", "CONDA_PREFIX", "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "HF_HOME", "HF_HUB_OFFLINE",
            "XDG_CACHE_HOME",
            "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENBLAS_CORETYPE",
        ]
        let faults: Set<String> = ["RADIATA_FAULTS", "RADIATA_CRASH", "RADIATA_PROBES"]
        return environment.filter { name, _ in
            names.contains(name) || faults.contains(name) || name.hasPrefix("LC_") || name.hasPrefix("NVIDIA_")
        }
    }
}
