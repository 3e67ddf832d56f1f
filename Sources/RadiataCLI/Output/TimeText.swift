import Foundation

/// Times of the coordinator's wall clock (ms since 1970), for people only.
enum TimeText {
    static func local(_ milliseconds: Int64) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return String(
            format: "%04d-%02d-%02d %02d:%02d:%02d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
            parts.tm_hour,
            parts.tm_min, parts.tm_sec)
    }

    static func duration(seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        switch whole {
        case ..<60: return "\(whole) s"
        case ..<3600: return String(format: "%d:%02d min", whole / 60, whole % 60)
        default: return String(format: "%d:%02d h", whole / 3600, whole % 3600 / 60)
        }
    }
}
