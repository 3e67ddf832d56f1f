package import SweepModel

/// What a trainer gets of the worker's environment.
package enum TrainerEnvironment {
    private static let names: Set<String> = [
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH",
        "VIRTUAL_ENV", "CONDA_PREFIX", "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "HF_HOME", "HF_HUB_OFFLINE",
        "XDG_CACHE_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENBLAS_CORETYPE",
        // Of tests.
        "RADIATA_FAULTS", "RADIATA_CRASH", "RADIATA_PROBES",
    ]

    /// A trainer gets what programs need to run, not what the worker was told (its token least of all).
    package static func allowed(_ environment: [String: String]) -> [String: String] {
        environment.filter { name, _ in
            names.contains(name) || name.hasPrefix("LC_") || name.hasPrefix("NVIDIA_")
        }
    }

    /// What lets programs see these GPUs and no others. The numbers are those of PCI addresses, so CUDA is
    /// told to number in that order too; its own would be by speed.
    ///
    /// - Parameter vendors: of the worker's GPUs: also where the attempt has none, its programs must not find
    ///   what belongs to others.
    package static func gpus(_ gpus: [GPUDevice], of vendors: Set<GPUDevice.Vendor>) -> [String: String] {
        var environment: [String: String] = [:]
        for vendor in vendors {
            let own = gpus.filter { $0.vendor == vendor }.map(\.index).joined(separator: ",")
            switch vendor {
            case .nvidia:
                environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
                environment["CUDA_VISIBLE_DEVICES"] = own.isEmpty ? "-1" : own
            // ROCR_VISIBLE_DEVICES as well would number the rest anew.
            case .amd: environment["HIP_VISIBLE_DEVICES"] = own.isEmpty ? "-1" : own
            // There is no mask that hides all.
            case .intel where own.isEmpty: break
            case .intel:
                environment["ZE_ENABLE_PCI_ID_DEVICE_ORDER"] = "1"
                environment["ZE_AFFINITY_MASK"] = own
            }
        }
        return environment
    }
}
