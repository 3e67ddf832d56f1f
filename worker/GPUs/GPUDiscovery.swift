import Foundation
package import SweepModel

/// Which of a machine's GPUs a worker is to use.
package enum GPUChoice: Equatable, Sendable {
    case all
    case none
    /// Numbers in the order of PCI addresses, or beginnings of the makers' ids.
    case listed([String])

    /// - Returns: nil for text that is none.
    package init?(_ text: String) {
        switch text {
        case "all": self = .all
        case "none": self = .none
        default:
            let parts = text.split(separator: ",", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard !parts.contains(""), Set(parts).count == parts.count else { return nil }
            self = .listed(parts)
        }
    }
}

/// Finds a machine's GPUs: NVIDIA's through its library, the others in Linux' own folders.
package struct GPUDiscovery: Sendable {
    /// Variables by which tests say where to look.
    package static let libraryVariable = "RADIATA_NVML"
    package static let foldersVariable = "RADIATA_SYSFS"

    private let environment: [String: String]

    package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.environment = environment
    }

    var library: String { environment[Self.libraryVariable] ?? NVMLibrary.usualPath }
    var folders: GPUFolders { GPUFolders(root: environment[Self.foldersVariable] ?? "/sys") }

    /// All there are, NVIDIA's first.
    ///
    /// - Parameter trouble: hears why a GPU or a driver that is there cannot be used.
    package func found(trouble: (String) -> Void = { _ in }) -> [GPUDevice] {
        (NVMLibrary(path: library, trouble: trouble)?.devices(trouble: trouble) ?? []) + folders.devices()
    }

    /// Those that a worker is to use. `all` means what the worker itself may see: whoever started it may have
    /// left it some of them only.
    ///
    /// - Throws: ``WorkerError`` for one that is not there.
    package func devices(_ choice: GPUChoice, trouble: (String) -> Void = { _ in }) throws -> [GPUDevice] {
        let found = choice == .none ? [] : found(trouble: trouble)
        switch choice {
        case .none: return []
        case .all: return visible(found)
        case .listed(let names):
            var devices: [GPUDevice] = []
            for name in names {
                guard let device = Self.named(name, found) else {
                    let there =
                        found.isEmpty
                        ? "no GPU was found here"
                        : "there are " + found.map { "\($0.index) (\($0.name))" }.joined(separator: ", ")
                    throw WorkerError(.noGPU, "--gpus \(name): \(there); `--gpus none` uses none")
                }
                guard !devices.contains(device) else {
                    throw WorkerError(.noGPU, "--gpus \(name): GPU \(device.index) is named twice")
                }
                devices.append(device)
            }
            return devices
        }
    }

    private static func named(_ name: String, _ found: [GPUDevice]) -> GPUDevice? {
        if let exact = found.first(where: { $0.index == name || $0.uuid == name }) { return exact }
        let matches = found.filter { name.count >= 8 && $0.uuid.hasPrefix(name) }
        return matches.count == 1 ? matches[0] : nil
    }

    private func visible(_ found: [GPUDevice]) -> [GPUDevice] {
        var devices: [GPUDevice] = []
        for vendor in GPUDevice.Vendor.allCases {
            let own = found.filter { $0.vendor == vendor }
            guard let variable = Self.variables[vendor]?.lazy.compactMap({ environment[$0] }).first else {
                devices += own
                continue
            }
            for name in variable.split(separator: ",").map({ $0.trimmingCharacters(in: .whitespaces) }) {
                // -1, and what follows it, hides.
                guard name != "-1", !name.isEmpty else { break }
                // Without the library, or a part of a card (MIG): usable, but nothing is known of it.
                let unknown = vendor == .nvidia ? GPUDevice(vendor: .nvidia, index: name) : nil
                guard let device = Self.named(name, own) ?? unknown, !devices.contains(device) else { continue }
                devices.append(device)
            }
        }
        return devices
    }

    private static let variables: [GPUDevice.Vendor: [String]] = [
        .nvidia: ["CUDA_VISIBLE_DEVICES"], .amd: ["ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"],
        .intel: ["ZE_AFFINITY_MASK"],
    ]
}
