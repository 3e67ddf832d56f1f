import CoreTools
import Foundation
import Glibc
import Ports
import SweepModel
import Worker

/// Something about this machine that matters here.
package struct Finding: Encodable, Equatable, Sendable {
    package enum Level: String, Encodable, Sendable {
        case fine
        /// Works, but slower or with less.
        case lacking
        /// Something will not work.
        case broken
    }

    package let topic: String
    package let level: Level
    package let text: String
    /// A command, or what to do; nil for what is fine.
    package let remedy: String?

    package init(_ topic: String, _ level: Level, _ text: String, remedy: String? = nil) {
        self.topic = topic
        self.level = level
        self.text = text
        self.remedy = remedy
    }
}

/// Looks at what the program needs of a machine, and says in words what is lacking.
struct MachineDoctor {
    var environment = ProcessInfo.processInfo.environment
    var files: any FileStore = DiskFiles()

    private var folders: UserFolders { UserFolders(environment: environment) }

    func findings() -> [Finding] {
        [processor(), memory(), openFiles()]
            + [("ledger", folders.data), ("worker", folders.cache)].map { disk($0, at: $1) }
            + [
                ledgerDisk(), library("libxgboost.so.0", for: "what mattered (radiata importance)", "libxgboost0"),
                font(),
            ]
            + graphics() + [python()]
    }

    // MARK: What computes

    private func processor() -> Finding {
        let machine = MachineCompute.here
        let text =
            "\(ProcessInfo.processInfo.activeProcessorCount) cores, OpenBLAS \(machine.openBLAS) with kernel "
            + "\(machine.kernel), own kernels \(machine.instructions)"
        if let forced = environment["OPENBLAS_CORETYPE"] {
            return Finding(
                "processor", .lacking, "\(text); OPENBLAS_CORETYPE=\(forced) forces a kernel and can halve the speed",
                remedy: "unset OPENBLAS_CORETYPE")
        }
        return Finding("processor", .fine, text)
    }

    private func memory() -> Finding {
        let bytes = Double(ProcessInfo.processInfo.physicalMemory)
        let text = String(format: "%.1f GB", bytes / 1e9)
        guard bytes < 3e9 else { return Finding("memory", .fine, text) }
        return Finding(
            "memory", .lacking, "\(text): enough for the embedded base, not for Stable Diffusion (about 7 GB a job)",
            remedy: "run workers of large bases elsewhere")
    }

    private func openFiles() -> Finding {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let text = "\(limit.rlim_max) at most"
        guard limit.rlim_max < 4096 else { return Finding("open files", .fine, text) }
        return Finding(
            "open files", .lacking, "\(text): a coordinator with more than a few hundred workers needs more",
            remedy: "ulimit -Hn 65536, or LimitNOFILE= in a systemd unit")
    }

    // MARK: Disks

    private func disk(_ what: String, at path: String) -> Finding {
        let topic = "disk for the \(what)"
        do {
            let existing = try Self.existing(path, files)
            let space = try files.space(at: existing)
            let text = String(
                format: "%@: %.1f GB of %.0f GB free", path, Double(space.free) / 1e9, Double(space.total) / 1e9)
            guard access(existing, W_OK) == 0 else {
                return Finding(
                    topic, .broken, "\(existing) cannot be written by this user",
                    remedy: what == "ledger" ? "coordinator run --data DIR" : "worker run --work DIR")
            }
            guard space.free > 5_000_000_000 else {
                return Finding(topic, .lacking, text, remedy: "free some space, or put it on another disk")
            }
            return Finding(topic, .fine, text)
        } catch {
            return Finding(topic, .broken, "\(error)", remedy: "name another folder")
        }
    }

    /// SQLite's locks and its log need a disk of this machine.
    private func ledgerDisk() -> Finding {
        let kind: String
        do {
            kind = try Self.fileSystem(of: Self.existing(folders.data, files))
        } catch {
            return Finding(
                "ledger", .lacking, "nobody knows what kind of disk \(folders.data) is on: \(error)",
                remedy: "see that it is a disk of this machine, not a shared one")
        }
        guard ["nfs", "nfs4", "cifs", "smb3", "lustre", "ceph", "fuse.sshfs", "9p"].contains(kind) else {
            return Finding("ledger", .fine, "\(folders.data) is on a disk of this machine (\(kind))")
        }
        return Finding(
            "ledger", .broken,
            "\(folders.data) is on a shared file system (\(kind)): SQLite's ledger can be damaged there",
            remedy: "coordinator run --data DIR with a folder on a disk of this machine")
    }

    /// The kind of the file system that holds a folder: of the longest mount point above it (proc(5),
    /// mountinfo).
    private static func fileSystem(of path: String) throws -> String {
        let text = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        var best: (place: String, kind: String)?
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 6, let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count else { continue }
            let place = fields[4].replacing("\\040", with: " ")
            guard path == place || path.hasPrefix(place == "/" ? "/" : place + "/") else { continue }
            if place.count >= best?.place.count ?? 0 { best = (String(place), String(fields[dash + 1])) }
        }
        return best?.kind ?? "unknown"
    }

    private static func existing(_ path: String, _ files: any FileStore) throws -> String {
        var path = path
        while path != "/", try files.information(path) == nil {
            path = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
            if path.isEmpty { path = "/" }
        }
        return path
    }

    // MARK: Other programs

    private func library(_ name: String, for use: String, _ package: String) -> Finding {
        if let handle = dlopen(name, RTLD_LAZY) {
            dlclose(handle)
            return Finding(use, .fine, "\(name) is there")
        }
        return Finding(use, .lacking, "\(name) is not installed", remedy: "apt install \(package)")
    }

    private func font() -> Finding {
        let path = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
        return access(path, R_OK) == 0
            ? Finding("radiata data emoji", .fine, "\(path) is there")
            : Finding(
                "radiata data emoji", .lacking, "the font NotoColorEmoji is not installed",
                remedy: "apt install fonts-noto-color-emoji")
    }

    private func graphics() -> [Finding] {
        var troubles: [String] = []
        let found = GPUDiscovery(environment: environment).found { troubles.append($0) }
        let devices = found.map { Finding("GPU \($0.index)", .fine, $0.name) }
        let trouble = troubles.map { Finding("GPU", .lacking, $0, remedy: "see nvidia-smi") }
        return devices.isEmpty && trouble.isEmpty
            ? [Finding("GPU", .fine, "none found; the core trains on the processor")] : devices + trouble
    }

    private func python() -> Finding {
        let paths = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/python3" }
        if let path = paths.first(where: { access($0, X_OK) == 0 }) {
            return Finding("external trainers", .fine, "python3 is \(path)")
        }
        return Finding(
            "external trainers", .lacking, "there is no python3 in PATH; most of them are Python programs",
            remedy: "apt install python3")
    }
}
