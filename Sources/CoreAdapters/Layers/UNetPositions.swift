package import CoreNets

/// The positions of a U-Net in the order in which data passes them, as kohya counts them for `block_dims` and
/// its kin: IN00 (the first convolution and the time embedding), one for each residual block or downsampler
/// on the way down, the middle, one for each residual block on the way up (an upsampler shares the last of
/// its level, as do the final norm and convolution with the last of all). Stable Diffusion 1 has 25.
package struct UNetPositions: Equatable, Sendable {
    package let count: Int
    /// The first position of each level on the way down and up.
    private let down: [Int]
    private let up: [Int]
    /// Residual blocks of each level on the way down and up.
    private let downBlocks: [Int]
    private let upBlocks: [Int]
    /// The position of the middle block.
    package let middle: Int

    package init(_ unet: any Module) {
        func levels(_ name: String) -> [(blocks: Int, extra: Int)] {
            unet.children.filter { $0.name.hasPrefix(name + ".") }.map { child in
                let parts = child.module.children
                return (
                    parts.count { $0.name.hasPrefix("resnets.") }, parts.count { $0.name.hasPrefix("downsamplers.") }
                )
            }
        }
        var next = 1
        var starts: [[Int]] = []
        let ways = (levels("down_blocks"), levels("up_blocks"))
        starts.append(
            ways.0.map { level in
                defer { next += level.blocks + level.extra }
                return next
            })
        middle = next
        next += 1
        starts.append(
            ways.1.map { level in
                defer { next += level.blocks }
                return next
            })
        (down, up) = (starts[0], starts[1])
        (downBlocks, upBlocks) = (ways.0.map(\.blocks), ways.1.map(\.blocks))
        count = next
    }

    /// Levels on the way down, as many as on the way up.
    package var levels: Int { down.count }

    /// - Parameter path: of a layer, in diffusers' names.
    package func position(of path: String) -> Int {
        let parts = path.split(separator: ".")
        func number(_ index: Int) -> Int { index < parts.count ? Int(parts[index]) ?? 0 : 0 }
        guard let head = parts.first else { return 0 }
        switch head {
        case "down_blocks":
            let level = number(1)
            return down[level] + (parts.count > 2 && parts[2] == "downsamplers" ? downBlocks[level] : number(3))
        case "mid_block": return middle
        case "up_blocks":
            let level = number(1)
            return up[level] + (parts.count > 2 && parts[2] == "upsamplers" ? upBlocks[level] - 1 : number(3))
        case "conv_norm_out", "conv_out": return count - 1
        default: return 0
        }
    }

    /// Such as "IN00-IN11, MID, OUT00-OUT11".
    package var summary: String {
        func range(_ name: String, _ count: Int) -> String {
            func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
            return "\(name)00-\(name)\(two(max(0, count - 1)))"
        }
        return "\(range("IN", middle)), MID, \(range("OUT", count - middle - 1))"
    }
}
