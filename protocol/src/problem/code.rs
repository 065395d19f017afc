//! The codes of error answers: why the server refuses a request.

use super::{class::Recovery, registry::error_codes};

/// [`error_codes`] with an HTTP status: a row is `Variant = "code", status, Class, Chinese words, English words;`.
macro_rules! problem_codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $status:literal, $class:ident, $zh:literal, $en:literal;)* }) => {
        error_codes! { $(#[$doc])* $name { $($(#[$vdoc])* $variant = $code, $class, $zh, $en;)* } }
        impl $name {
            /// The HTTP status that the answer has.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }
        }
    };
}

problem_codes! {
    /// The code of an error answer ([`super::Problem`]).
    ProblemCode {
        // The request as such
        BadRequest = "request.malformed", 400, Refused, "请求格式不正确", "The request is malformed";
        TooLarge = "request.too_large", 413, Split, "内容过大，请分批发送", "The body is too large, send it in parts";
        NotFound = "request.not_found", 404, Refused, "没有这个内容", "There is nothing here";
        MethodNotAllowed = "request.method", 405, Refused, "不支持这种操作", "This method is not allowed here";
        RangeBeyond = "request.range", 416, Refused, "所要的部分超出文件末尾", "The range lies beyond the end of the file";
        UnsupportedMedia = "request.media_type", 415, Refused, "内容类型不正确", "This media type is not accepted here";
        /// A body that did not fit its schema; `errors` names the fields.
        Invalid = "request.invalid", 422, Refused, "填写有误，请改正后再提交", "Some fields are wrong, mend them and send again";
        // The server
        Internal = "server.internal", 500, RetryLater, "服务器出错，请稍后再试", "The server failed, try again later";
        Busy = "server.busy", 503, RetryLater, "服务器忙，请稍后再试", "The server is busy, try again later";
        Full = "server.full", 507, RetryLater, "服务器存储空间不足，内容仍保存在本机，请联系管理员", "The server has no space left; everything stays on this phone, tell the administrator";
        Stopping = "server.stopping", 503, RetryLater, "服务器正在重启，请稍后再试", "The server is restarting, try again";
        RateLimited = "request.rate", 429, RetryLater, "请求过于频繁，请稍后再试", "Too many requests, wait a little";
        Slow = "request.timeout", 408, RetryLater, "网络太慢，内容未收全，请重试", "The body did not arrive in time, send it again";
        // Authentication
        Unauthenticated = "auth.required", 401, Authenticate, "请先登录", "Sign in first";
        TokenExpired = "auth.token", 401, Authenticate, "登录已过期，请重新登录", "The session has expired, sign in again";
        Password = "auth.password", 401, SenderRefused, "账号或密码不正确", "Account or password is wrong";
        LockedOut = "auth.locked", 429, RetryLater, "连续输错，请稍后再试", "Too many wrong attempts, wait a little";
        Signature = "auth.signature", 401, SenderRefused, "签名不符，内容未被接收", "The signature does not fit, nothing was taken";
        Challenge = "auth.challenge", 401, Authenticate, "验证已过期，将自动重试", "The challenge has expired, it will be asked again";
        Forbidden = "auth.forbidden", 403, SenderRefused, "没有这项权限", "This is not permitted to your role";
        OutOfScope = "auth.scope", 403, SenderRefused, "不在您的管辖范围内", "This is outside your area";
        WeakPassword = "auth.weak_password", 422, SenderRefused, "密码太简单，请至少使用 8 位并避开常见密码", "The password is too weak: at least 8 characters, not a common one";
        // Terminals
        EnrolCode = "enrol.code", 403, Refused, "登记码无效或已用过，请向管理员索取新的", "The enrolment code is wrong, used or expired, ask for a new one";
        EnrolString = "enrol.string", 422, Refused, "登记码格式不正确，请重新扫码", "This is not an enrolment string, scan it again";
        EnrolConflict = "enrol.conflict", 409, Refused, "该终端已登记为其他身份", "This stream is enrolled already with another key";
        StreamUnknown = "stream.unknown", 404, Authenticate, "服务器不认识本机，将自动重新登记", "The server does not know this stream, it will be readmitted";
        StreamRevoked = "stream.revoked", 403, StreamEnded, "本终端已停用，请联系管理员", "This terminal has been revoked, tell the administrator";
        /// As [`Self::StreamRevoked`], and the terminal's data must be wiped after it is handed over.
        TerminalWipe = "terminal.wipe", 403, StreamEnded, "已收到清除指令：先封存并交接待上传内容，再清除本机数据", "A wipe was ordered: what is pending is sealed and handed over first, then this terminal's data is removed";
        ParcelMalformed = "parcel.malformed", 422, Refused, "封存包无法识别或已损坏", "This is no parcel, or it was damaged";
        ParcelKey = "parcel.key", 422, Refused, "封存包不是用本服务器的密钥封存的", "The parcel was not sealed to a key of this server";
        // Entries
        TooMany = "push.too_many", 413, Split, "一次发送的条目过多，将自动分批", "Too many entries in one batch, it will be split";
        WrongStream = "push.stream", 403, SenderRefused, "内容不属于本机", "The envelope names another stream";
        EntryUnframed = "entry.unframed", 422, Refused, "条目无法识别", "The entry has no readable id and number";
        EntryTooLarge = "entry.too_large", 413, Refused, "条目过大", "The entry is too large";
        EntryConflict = "entry.conflict", 409, Refused, "同一编号已有不同内容，未覆盖", "The id is taken by other bytes, nothing was overwritten";
        EntryNumberTaken = "entry.number_taken", 409, Refused, "同一序号已有其他条目，未覆盖", "The number is taken by another entry, nothing was overwritten";
        // Photos
        PhotoUnnamed = "photo.unnamed", 422, Refused, "没有条目包含这张照片", "No entry of this stream names this photo";
        PhotoHash = "photo.hash_mismatch", 422, RetryLater, "照片内容与登记不符，将重新上传", "The photo's bytes do not have the named hash, it will be sent again";
        PhotoSize = "photo.size", 413, Refused, "照片过大", "The photo is too large";
        PhotoEmpty = "photo.empty", 422, Refused, "照片是空文件，请重新拍照", "The photo has no bytes, take it again";
        PhotoNotImage = "photo.not_an_image", 422, Refused, "这不是照片，请重新选择", "This is no photo, choose another";
        PhotoPixels = "photo.too_many_pixels", 422, Refused, "照片像素过大，请降低分辨率", "The photo has too many pixels, lower the resolution";
        PhotoCutOff = "photo.cut_off", 422, Refused, "照片不完整，请重新拍照", "The photo is cut off, take it again";
        UploadOffset = "upload.offset", 409, RetryLater, "上传位置不符，将从正确位置继续", "The offset does not fit, it will go on from the right place";
        UploadGone = "upload.gone", 410, RetryLater, "上传已过期，将重新上传", "The upload has expired, it will start again";
        UploadChecksum = "upload.checksum", 460, RetryLater, "这一段传输有误，将重传", "The chunk arrived damaged, it will be sent again";
        TusVersion = "upload.version", 412, Version, "上传协议版本不支持", "This tus version is not supported";
        // Cases
        CaseTransition = "case.transition", 409, Refused, "案卷当前状态不能这样操作", "The case cannot do this from where it stands";
        CaseRole = "case.role", 403, Refused, "这一步由其他岗位办理", "This step belongs to another role";
        CaseGuard = "case.guard", 422, Refused, "条件未满足", "A condition is not met yet";
        CaseChanged = "case.changed", 409, Refused, "案卷已被他人更新，请刷新后再办理", "The case has changed meanwhile, look again";
        // Tasks
        TaskState = "task.state", 409, Refused, "任务当前状态不能这样操作", "The task cannot do this from where it stands";
        PlaceUnknown = "place.outside_grid", 422, Refused, "该位置不在任何网格内，请重新选点", "The place is in no cell of the grid, choose another";
        // The review lane
        ReviewSettled = "review.settled", 409, Refused, "该内容不在待核对之列", "This entry waits for no decision";
        // Activities
        ActivityState = "activity.state", 409, Refused, "该活动记录已审核", "The activity record has been reviewed already";
        ActivityChanged = "activity.changed", 409, Refused, "活动记录已更新为新版本，请刷新后再审核", "The activity record has a newer version, look again";
        // Grid
        GridFaults = "grid.faults", 422, Refused, "网格数据有问题，未导入", "The grid has faults, it was not imported";
        // People
        NameTaken = "people.account_taken", 409, Refused, "账号已存在", "The account exists already";
        PostNumberTaken = "people.post_number_taken", 409, Refused, "号码已属于其他岗位", "The number belongs to another post";
    }
}

impl ProblemCode {
    /// Returns how a client handles the request that was answered with this problem.
    pub const fn recovery(self) -> Recovery {
        self.class().recovery()
    }
}
