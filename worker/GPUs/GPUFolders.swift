import Foundation
import SweepModel

/// What Linux tells of GPUs in folders: AMD's, and Intel's that have memory of their own. NVIDIA's driver
/// tells nothing there.
struct GPUFolders: Sendable {
    /// `/sys`, or what stands for it.
    let root: String

    /// Less memory than this has only what is built into a processor.
    private static let leastMemory: UInt64 = 2 << 30

    /// GPUs of each vendor, numbered in the order of their PCI addresses. Those built into a processor
    /// count, as the makers' own libraries count them, and are left out afterwards.
    func devices() -> [GPUDevice] {
        let cards = cards().sorted { $0.address < $1.address }
        var counts: [GPUDevice.Vendor: Int] = [:]
        var devices: [GPUDevice] = []
        for card in cards {
            guard let (vendor, memory) = maker(card.folder) else { continue }
            let number = counts[vendor] ?? 0
            counts[vendor] = number + 1
            guard memory >= Self.leastMemory else { continue }
            let uuid = text(card.folder + "/device/unique_id").map { "GPU-" + $0 } ?? card.address
            let kind = text(card.folder + "/device/device").map { " " + $0 } ?? ""
            let name =
                text(card.folder + "/device/product_name") ?? (vendor == .amd ? "AMD GPU" : "Intel GPU") + kind
            devices.append(
                GPUDevice(vendor: vendor, index: String(number), uuid: uuid, name: name, memory: memory))
        }
        return devices
    }

    /// Of an AMD card; Intel's driver tells no such thing to those who are not root.
    func reading(_ device: GPUDevice) -> GPUReading? {
        guard device.vendor == .amd else { return nil }
        let card = cards().first { card in
            text(card.folder + "/device/unique_id").map { "GPU-" + $0 } ?? card.address == device.uuid
        }
        guard let card, let used = number(card.folder + "/device/mem_info_vram_used"),
            let busy = number(card.folder + "/device/gpu_busy_percent")
        else { return nil }
        return GPUReading(memoryUsed: used, utilisation: Double(busy))
    }

    private func cards() -> [(folder: String, address: String)] {
        let all = root + "/class/drm"
        // A kernel without a graphics driver has no such folder.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: all)) ?? []
        return names.compactMap { name in
            // Not the connectors, such as card0-DP-1.
            guard name.hasPrefix("card"), name.dropFirst(4).allSatisfy(\.isNumber), name.count > 4 else { return nil }
            let folder = "\(all)/\(name)"
            // The device is a link to the folder that is called by its PCI address.
            let device = try? FileManager.default.destinationOfSymbolicLink(atPath: folder + "/device")
            let address = device?.split(separator: "/").last.map(String.init) ?? name
            return (folder, address)
        }
    }

    private func maker(_ card: String) -> (GPUDevice.Vendor, memory: UInt64)? {
        switch text(card + "/device/vendor") {
        case "0x1002": (.amd, number(card + "/device/mem_info_vram_total") ?? 0)
        case "0x8086": (.intel, number(card + "/lmem_total_bytes") ?? 0)
        default: nil
        }
    }

    private func text(_ path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let text = String(decoding: data.prefix(200), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? nil : text
    }

    private func number(_ path: String) -> UInt64? { text(path).flatMap { UInt64($0) } }
}
